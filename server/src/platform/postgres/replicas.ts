import { setImmediate, setTimeout as delay } from "node:timers/promises";
import { errorLine } from "../error-line.ts";
import { every } from "../periodic-task.ts";
import { within } from "../within.ts";
import { openDatabase, type Database, type Queries } from "./database.ts";
import type { NamedServer } from "./primary.ts";
import { only, statement, type Statement } from "./statement.ts";

/** A point of the log of a PostgreSQL, in bytes from its beginning. */
interface Position {
  at: number;
  /** postgres_run() of the primary; of a replica, the one that it has last replayed. They differ after a restart and a promotion. */
  run: string;
  /** Names the cluster and the database. */
  place: string;
}

const place =
  "(select system_identifier from pg_control_system())::text || '/' || pg_relation_filepath('cache_control') as place";

// What has been acknowledged or shown is on the disk of the primary.
const primaryPosition = statement<Position>(
  "replicas.primary",
  `select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::int8 as at, postgres_run() as run, ${place}`,
);
const replicaPosition = statement<Position & { is_standby: boolean }>(
  "replicas.replica",
  `select pg_is_in_recovery() as is_standby, pg_wal_lsn_diff(coalesce(pg_last_wal_replay_lsn(), '0/0'), '0/0')::int8 as at,
     (select pg_run from cache_control) as run, ${place}`,
);

export interface ReplicaEvents {
  /** From now on it answers nothing. */
  leftOut(name: string, why: string): void;
  used(name: string): void;
  /** Where a statement was answered that a replica may answer. */
  read(from: "replica" | "primary"): void;
}

export interface Replicas extends AsyncDisposable {
  /** The primary, for which replicas answer statements that are `onReplica`. */
  db: Database;
  /** How many are used, of how many. */
  state(): { used: number; all: number };
}

/** How often each replica is looked at, how long it may take to answer, and how far it may be behind, in ms. */
const lookEveryMs = 1_000;
const lookTimeoutMs = 1_000;
const maxLagMs = 250;
/** One that was left out must be good so many times in a row. */
const looksUntilBack = 3;
/** For how long a statement waits to hear that a replica has what it must have, and for its answer, in ms. */
const patienceMs = 30;
const answerTimeoutMs = 2_000;

/**
 * Replicas answer what is asked after they have replayed everything that was on the primary's disk when it was asked, so nobody is shown less than
 * was acknowledged or shown before, by whatever node. Compared are the log of the primary and the run that `cache_control` names: it is
 * written anew after a promotion, so a replica that has replayed it follows the time line of the primary that tells it.
 * @param options.aside of the primary; it must not wait behind requests
 */
export function openReplicas(options: {
  db: Database;
  aside: Queries;
  servers: readonly NamedServer[];
  poolSize: number;
  events: ReplicaEvents;
}): Replicas {
  const { db, events } = options;
  const position = shared(async () => only(await options.aside.query(primaryPosition, [])));
  const replicas = options.servers.map((server) => openReplica(server, options.poolSize, events));
  let turn = 0;

  async function look(): Promise<void> {
    const primary = await within(lookTimeoutMs, position());
    // Without a primary nothing can be compared.
    if (primary !== undefined) await Promise.all(replicas.map((replica) => replica.look(primary)));
  }
  const loop = every(lookEveryMs, look, () => undefined);
  void loop.runNow();

  async function ask<Row>(asked: Statement<Row>, values: readonly unknown[]): Promise<Row[] | undefined> {
    const used = replicas.filter((replica) => replica.isUsed());
    const replica = used[(turn = (turn + 1) % Math.max(1, used.length))];
    if (replica === undefined) return undefined;
    const wanted = await within(patienceMs, position());
    return wanted !== undefined && (await replica.reaches(wanted)) ? replica.read(asked, values) : undefined;
  }

  async function query<Row>(asked: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
    // Whatever a replica does not do, the primary does.
    const rows = await ask(asked, values).catch(() => undefined);
    events.read(rows === undefined ? "primary" : "replica");
    return rows ?? db.query(asked, values);
  }

  return {
    db: {
      ...db,
      query: (asked, values) => (asked.onReplica === true ? query(asked, values) : db.query(asked, values)),
    },
    state: () => ({ used: replicas.filter((replica) => replica.isUsed()).length, all: replicas.length }),
    async [Symbol.asyncDispose]() {
      await loop[Symbol.asyncDispose]();
      await Promise.all(replicas.map((replica) => replica[Symbol.asyncDispose]()));
    },
  };
}

function openReplica({ name, connection }: NamedServer, poolSize: number, events: ReplicaEvents) {
  let db: Database | undefined;
  let isUsed = false;
  /** It has not answered in time since the last look. */
  let isSlow = false;
  let wasLeftOut = false;
  let goodLooks = 0;
  const position = shared(async () => {
    db ??= openDatabase({ connection: await connection(), poolSize, onOutage: () => undefined });
    return only(await db.query(replicaPosition, []));
  });

  /** Why it cannot be used; undefined: it has, within `lagMs`, everything before `wanted`. */
  async function fault(wanted: Position, { timeoutMs, lagMs }: { timeoutMs: number; lagMs: number }) {
    const until = performance.now() + lagMs;
    for (let pause = 1; ; pause *= 2) {
      const seen = await within(timeoutMs, position());
      if (seen === undefined) return "it does not answer in time";
      if (!seen.is_standby) return "it is no replica, it takes writes itself";
      if (seen.place !== wanted.place) return "it is of another cluster or of another database";
      if (seen.run === wanted.run && seen.at >= wanted.at) return undefined;
      const why = seen.run === wanted.run ? "it lags behind" : "it does not follow the primary";
      if (performance.now() + pause > until) return why;
      await delay(pause);
    }
  }

  return {
    isUsed: () => isUsed && !isSlow,
    /** Leaves it out, or takes it up again. It does not throw. */
    async look(primary: Position): Promise<void> {
      const why = await fault(primary, { timeoutMs: lookTimeoutMs, lagMs: maxLagMs }).catch(errorLine);
      if (why !== undefined) {
        [isUsed, wasLeftOut, goodLooks] = [false, true, 0];
        return events.leftOut(name, why);
      }
      isSlow = false;
      goodLooks += 1;
      if (isUsed || (wasLeftOut && goodLooks < looksUntilBack)) return;
      isUsed = true;
      events.used(name);
    },
    reaches: async (wanted: Position) =>
      (await fault(wanted, { timeoutMs: patienceMs, lagMs: patienceMs })) === undefined,
    /** undefined: it does not answer in time. */
    async read<Row>(asked: Statement<Row>, values: readonly unknown[]): Promise<Row[] | undefined> {
      const rows = db && (await within(answerTimeoutMs, db.query(asked, values)));
      isSlow ||= rows === undefined;
      return rows;
    },
    [Symbol.asyncDispose]: async () => db?.[Symbol.asyncDispose](),
  };
}

/** One at a time, which begins after the call and is shared by all who ask until it begins. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  const begin = async (): Promise<T> => {
    await running;
    // What was read from all sockets in this turn comes together.
    await setImmediate();
    next = undefined;
    const answer = ask();
    running = answer.catch(() => undefined);
    return answer;
  };
  return () => {
    next ??= begin();
    // Whoever waits may give up before it fails.
    next.catch(() => undefined);
    return next;
  };
}
