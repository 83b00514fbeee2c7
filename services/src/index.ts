export { ensureBinaries } from "./binaries.ts";
export { collectable, type Collectable } from "./collectable.ts";
export { freePort } from "./free-port.ts";
export { startFaultProxy, type Fault, type FaultProxy } from "./fault-proxy.ts";
export { copyTemplate } from "./template.ts";
export { program, startOmServer, type OmServer } from "./om-server.ts";
export {
  firstServerOddities,
  firstServerRows,
  firstServerSchema,
  type FirstServerVariant,
} from "./first-server-schema.ts";
export { checkOutPrevious, linkBuild, serverWorkspaces, type OtherBuild } from "./other-build.ts";
export { proxies, startProxy, type Proxy } from "./proxy.ts";
export {
  startPostgres,
  startReplica,
  startSystemPostgres,
  type PostgresServer,
  type SystemPostgres,
} from "./postgres.ts";
export { sharedDatabase } from "./shared-postgres.ts";
export { querySync } from "./sync-calls.ts";
export { startRedis, type RedisServer } from "./redis.ts";
export { startRedisCluster, type RedisCluster } from "./redis-cluster.ts";
