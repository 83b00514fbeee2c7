import pg from "pg";
import { errorLine } from "../error-line.ts";
import { every } from "../periodic-task.ts";
import { cut } from "./silence.ts";
import { only } from "./statement.ts";

/** A PostgreSQL that the settings name. */
export interface NamedServer {
  /** Host and port, for the log. */
  name: string;
  /** What TLS it offers is found out when it is asked. */
  connection: () => Promise<pg.ClientConfig>;
}

/** What a PostgreSQL says of itself. */
export interface ServerFacts {
  is_standby: boolean;
  is_read_only: boolean;
  /** Its system identifier, which its replicas share. */
  cluster: string;
  /** Of the log that it writes, in hexadecimal digits; rises with each promotion. Empty: it is a standby. */
  timeline: string;
}

/** Columns of `ServerFacts`. */
export const serverFacts = `pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') = 'on' as is_read_only,
  (select system_identifier from pg_control_system())::text as cluster,
  case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline`;

/** This PostgreSQL takes no writes, or is not the one that should; what it tells may be old. An outage like any other. */
export class NotPrimary extends Error {
  readonly code: string = "25006";
}

/** The one of several PostgreSQL servers that takes writes. */
export interface Primary extends AsyncDisposable {
  /** As far as is known. */
  connection(): pg.ClientConfig;
  /** Looks for it. @throws the failure of the only server, or NotPrimary with what each has answered */
  find(): Promise<void>;
  /**
   * Whether what a new connection has reached may be used. `isPromoted`: on another time line than before, which begin_timeline() must know of
   * before anything is changed. @throws NotPrimary
   */
  check(facts: ServerFacts): { isPromoted: boolean };
  /** What was the primary fails: looks for another one, unless somebody is at it. */
  suspect(): void;
  /** Another server is the primary from now on; connections to the one before are of no use. */
  onMoved(listener: () => void): void;
  /** What was committed last may be lost, and its numbers given out again: a standby has taken over, or the data are others. */
  onTimeline(listener: () => void): void;
}

/** How often several servers are looked at, and how long one may take to answer, in ms. */
const lookEveryMs = 2_000;
const lookTimeoutMs = 1_500;

/**
 * The newest time line wins, so that an old primary which comes back after a promotion is left alone, also by those who are still connected to
 * it. Where one name leads to all (a proxy, DNS) nothing is looked for, and each new connection is checked all the same.
 * @param servers one at least @param told another one is the primary now
 */
export function watchPrimary(servers: readonly NamedServer[], told: (name: string) => void): Primary {
  const movedListeners: (() => void)[] = [];
  const timelineListeners: (() => void)[] = [];
  /** The newest time line of each cluster that was seen. */
  const newest = new Map<string, string>();
  let line: Pick<ServerFacts, "cluster" | "timeline"> | undefined;
  let current: { name: string; connection: pg.ClientConfig } | undefined;
  let isPromoted = false;

  function check({ is_standby, is_read_only, cluster, timeline }: ServerFacts): { isPromoted: boolean } {
    if (is_standby) throw new NotPrimary("it is a standby, which takes no writes");
    if (is_read_only) throw new NotPrimary("it takes no writes (default_transaction_read_only)");
    const seen = newest.get(cluster) ?? "";
    if (timeline < seen)
      throw new NotPrimary(
        `it is an old primary, on time line ${timeline} after ${seen} was seen; if that is meant, restart this server`,
      );
    newest.set(cluster, timeline);
    const last = line;
    line = { cluster, timeline };
    if (last !== undefined && (last.cluster !== cluster || last.timeline !== timeline)) {
      isPromoted = last.cluster === cluster;
      for (const listener of timelineListeners) listener();
    }
    return { isPromoted };
  }

  function choose(found: { name: string; connection: pg.ClientConfig }, facts?: ServerFacts): void {
    const isMoved = current !== undefined && current.name !== found.name;
    current = found;
    if (isMoved) {
      told(found.name);
      for (const listener of movedListeners) listener();
    }
    if (facts !== undefined) check(facts);
  }

  async function find(): Promise<void> {
    const [first, second] = servers;
    if (first !== undefined && second === undefined) return choose({ ...first, connection: await first.connection() });
    const asked = await Promise.allSettled(servers.map(ask));
    const fit = asked.flatMap((answer) => (answer.status === "fulfilled" && isFit(answer.value) ? [answer.value] : []));
    const found = newestOf(fit, current?.name);
    if (found === undefined) throw noPrimary(servers.map(({ name }, at) => [name, asked[at]]));
    choose({ name: found.name, connection: found.connection }, found.facts);
  }

  const isFit = ({ facts }: Asked): boolean =>
    !facts.is_standby &&
    !facts.is_read_only &&
    facts.timeline >= (newest.get(facts.cluster) ?? "") &&
    (line === undefined || line.cluster === facts.cluster);

  // Whoever needs the database says that it is away.
  const looking = servers.length > 1 ? every(lookEveryMs, find, () => undefined) : undefined;
  return {
    connection: () => current?.connection ?? {},
    find,
    check,
    suspect: () => void looking?.runNow(),
    onMoved: (listener) => void movedListeners.push(listener),
    onTimeline: (listener) => void timelineListeners.push(listener),
    [Symbol.asyncDispose]: async () => looking?.[Symbol.asyncDispose](),
  };
}

interface Asked {
  name: string;
  connection: pg.ClientConfig;
  facts: ServerFacts;
}

/** That of the newest time line; of several the one that is used. @throws NotPrimary when they are not of one cluster */
function newestOf(fit: readonly Asked[], used: string | undefined): Asked | undefined {
  if (new Set(fit.map(({ facts }) => facts.cluster)).size > 1)
    throw new NotPrimary("the servers are not of one cluster: they have several system identifiers");
  const last = fit
    .map(({ facts }) => facts.timeline)
    .toSorted()
    .at(-1);
  const best = fit.filter(({ facts }) => facts.timeline === last);
  return best.find(({ name }) => name === used) ?? best[0];
}

async function ask({ name, ...server }: NamedServer): Promise<Asked> {
  const connection = await server.connection();
  const client = new pg.Client({
    ...connection,
    connectionTimeoutMillis: lookTimeoutMs,
    query_timeout: lookTimeoutMs,
    application_name: "om-messenger",
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<ServerFacts>(`select ${serverFacts}`);
    return { name, connection, facts: only(rows) };
  } finally {
    // Not ended: one that hangs would not answer to that.
    cut(client);
  }
}

function noPrimary(asked: [name: string, answer: PromiseSettledResult<Asked> | undefined][]): NotPrimary {
  const words = asked.map(([name, answer]) => {
    if (answer?.status !== "fulfilled") return `${name}: ${errorLine(answer?.reason)}`;
    const { is_standby, is_read_only, timeline } = answer.value.facts;
    const what = is_standby ? "a standby" : is_read_only ? "read-only" : `an old primary, on time line ${timeline}`;
    return `${name}: ${what}`;
  });
  const error = new NotPrimary(`none of the servers takes writes (${words.join("; ")})`);
  // A wrong password does not mend itself.
  const codes = asked.map(([, answer]) => (answer?.status === "rejected" ? codeOf(answer.reason) : ""));
  return Object.assign(error, { code: codes.find((code) => /^(28|3D)/.test(code)) ?? error.code });
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
}
