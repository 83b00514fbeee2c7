import type { Endpoint } from "./connection.ts";
import { infoField } from "./info.ts";
import { RedisUnavailable, type Commands, type Reply, type Script } from "./redis.ts";
import { loadScripts } from "./scripts.ts";

/** How long an answer to a step of the handshake may take, in ms. */
const timeoutMs = 200;
/** The first version with all commands that we use; Valkey says which Redis it is like. */
const oldest = "6.2";

/**
 * Logs in, chooses the database, loads the scripts and learns who answers, all in one go.
 * @returns the server's identity
 * @throws RedisUnavailable of the first step that failed, also when the server is still loading, too old, a replica, or of a cluster when
 * none is meant
 */
export async function handshake(
  connection: Pick<Commands, "call">,
  endpoint: Endpoint,
  scripts: Iterable<Script>,
): Promise<string> {
  const call = (command: string, ...args: string[]): Promise<Reply> => connection.call(timeoutMs, command, ...args);
  const steps: Promise<unknown>[] = [login(call, endpoint)];
  if (endpoint.db !== 0) steps.push(call("SELECT", String(endpoint.db)));
  const identity = identify(call);
  // A name helps whoever looks at CLIENT LIST; rules of access may forbid it.
  const named = call("CLIENT", "SETNAME", "om-messenger").catch(() => undefined);
  steps.push(identity, named, loadScripts(connection, scripts, timeoutMs), call("PING"));
  const failed = (await Promise.allSettled(steps)).find((step) => step.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const wrong = mismatch(await identity, endpoint);
  if (wrong !== undefined) throw new RedisUnavailable("error", wrong);
  return (await identity).id;
}

function mismatch({ version, isMaster, inCluster }: Identity, endpoint: Endpoint): string | undefined {
  const [major = 0, minor = 0] = (version ?? oldest).split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 2))
    return `this Redis is ${version}, which is too old: use ${oldest} or newer`;
  if (inCluster === true && endpoint.inCluster !== true)
    return "this Redis is part of a cluster: set REDIS_CLUSTER=true";
  if (inCluster === false && endpoint.inCluster === true) return "this Redis is not part of a cluster";
  return isMaster ? undefined : "this Redis is a replica, which takes no writes";
}

/** Unless there is nothing to log in with. @param call sends a command over the connection that logs in. @throws RedisUnavailable */
export async function login(
  call: (command: string, ...args: string[]) => Promise<Reply>,
  { username, password }: Endpoint,
): Promise<void> {
  if (username === "" && password === "") return;
  try {
    await call("AUTH", ...(username === "" ? [] : [username]), password);
  } catch (error) {
    // A server that asks for no password lets everybody in, also whoever knows one.
    const open = error instanceof Error && error.message.includes("without any password configured");
    if (!open) throw error;
  }
}

/** Who answers at the other end of a connection. */
interface Identity {
  /**
   * Names the data of a master: its run_id, another after every start, and its replication id, another after it was a replica, whose
   * data are those of another server and maybe old.
   */
  id: string;
  /** Undefined: it does not say. */
  version: string | undefined;
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
    version: infoField(server, "redis_version"),
    isMaster: infoField(replication, "role") === "master",
    inCluster: mode === undefined ? undefined : mode === "cluster",
  };
}
