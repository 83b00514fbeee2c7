export { startOmServer, type OmServer } from "./om-server.ts";
export { startPostgres, type PostgresServer } from "./postgres.ts";
