export { runningConnection, startEmbedded, type Embedded, type EmbeddedOptions } from "./embedded.ts";
export { createCluster, startCluster, type Cluster } from "./cluster.ts";
export { EmbeddedRefused, npmPrograms, runnable, type Programs } from "./programs.ts";
