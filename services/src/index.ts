export { fillEmbeddedFolder } from "./embedded-folder.ts";
export { startOmServer, type OmServer } from "./om-server.ts";
export { firstServerRows, firstServerSchema, type FirstServerVariant } from "./first-server-schema.ts";
export { startPostgres, type PostgresServer } from "./postgres.ts";
