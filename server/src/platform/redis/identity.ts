import { infoField } from "./info.ts";
import { RedisUnavailable, type Reply } from "./redis.ts";

/** Who answers at the other end of a connection. */
export interface Identity {
  /**
   * Names the data of a master: its run_id, another after every start, and its replication id, another after it was a replica, whose
   * data are those of another server and maybe old.
   */
  id: string;
  isMaster: boolean;
  /** Undefined: it does not say. */
  inCluster: boolean | undefined;
}

/** @param call sends a command over the connection in question. @throws RedisUnavailable */
export async function identify(call: (command: string, section: string) => Promise<Reply>): Promise<Identity> {
  const [server, replication] = await Promise.all([call("INFO", "server"), call("INFO", "replication")]);
  const [runId, replId] = [infoField(server, "run_id"), infoField(replication, "master_replid")];
  if (runId === undefined || replId === undefined) {
    throw new RedisUnavailable("error", "it does not tell its run_id and master_replid, as Redis does");
  }
  // The second is Valkey's name for it.
  const mode = infoField(server, "redis_mode") ?? infoField(server, "server_mode");
  return {
    id: `${runId}-${replId}`,
    isMaster: infoField(replication, "role") === "master",
    inCluster: mode === undefined ? undefined : mode === "cluster",
  };
}
