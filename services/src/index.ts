export { ensureBinaries } from "./binaries.ts";
export { freePort } from "./free-port.ts";
export { startFaultProxy, type Fault, type FaultProxy } from "./fault-proxy.ts";
export { fillEmbeddedFolder } from "./embedded-folder.ts";
export { program, startOmServer, type OmServer } from "./om-server.ts";
export {
  firstServerOddities,
  firstServerRows,
  firstServerSchema,
  type FirstServerVariant,
} from "./first-server-schema.ts";
export { startPostgres, type PostgresServer } from "./postgres.ts";
export { startRedis, type RedisServer } from "./redis.ts";
export { startRedisCluster, type RedisCluster } from "./redis-cluster.ts";
