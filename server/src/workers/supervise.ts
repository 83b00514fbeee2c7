import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { jwtSecret } from "../accounts/jwt-secret.ts";
import type { Config } from "../config.ts";
import { openServer, type StorageEvents } from "../open/open-storage.ts";
import { isEmbedded } from "../open/postgres-connection.ts";
import { deferred } from "../platform/deferred.ts";
import { createAllMetrics } from "../platform/telemetry/all-metrics.ts";
import type { FromSupervisor, FromWorker } from "../platform/worker.ts";
import { pauseBeforeStart, poolOfWorker } from "./worker-count.ts";

/** A worker that has served for so long did not fail at its start, in ms. */
const steadyAfterMs = 10_000;

interface Options {
  config: Config;
  count: number;
  /** Aborts when all shall stop, which takes DRAIN_SECONDS; `hurry`: at once. */
  signal: AbortSignal;
  hurry: AbortSignal;
  database: StorageEvents;
  onListening: (url: string) => void;
  /** All of them serve. */
  onReady: (url: string) => void;
  /** A worker has ended and will be started again. */
  onEnd: (line: string) => void;
}

/**
 * Runs `count` workers on one port, and the embedded database beside them if it is meant; a worker that ends is started again, the later
 * the shorter it lived. Resolves when all have ended after `signal`, or the first one could not start, which has said why.
 * @returns the exit code @throws EmbeddedRefused, ConfigError
 */
export async function superviseWorkers(options: Options): Promise<number> {
  const { config, count, signal, onReady } = options;
  const dbPool = poolOfWorker(config.dbPool, count);
  const env: Record<string, string> = { DB_POOL: String(dbPool) };
  // Of each worker the pool and what it keeps aside.
  const needs = { ...config, dbPool: count * (dbPool + 3) };
  await using database = isEmbedded(config) ? await openServer(needs, options.database, signal) : undefined;
  if (database !== undefined) {
    const { host, port, user, password, database: name } = database.primary.connection();
    const query = new URLSearchParams({ host: String(host), port: String(port) });
    const account = `${String(user)}${password === undefined ? "" : `:${encodeURIComponent(String(password))}`}`;
    env["DATABASE_URL"] = `postgresql://${account}@/${String(name)}?${query.toString()}`;
    env["DATABASE_URL_FILE"] = "";
    env["JWT_SECRET"] = jwtSecret({ given: config.jwtSecret, dataDir: config.dataDir, embedded: true });
    env["JWT_SECRET_FILE"] = "";
    env["DRAIN_SECONDS"] = "0";
  }
  signal.throwIfAborted();
  // The kernel gives connections to whoever is free. Node itself hands them on to a worker that was just killed, and forgets them: they hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ execArgv: [...process.execArgv, "--enable-source-maps"] });
  const crew = createCrew(options, env);
  // Alone: what is wrong with the settings is said once, and the schema is made once.
  const first = crew.keepUp(1);
  const url = await Promise.race([crew.ready, first]);
  if (typeof url === "number") return url;
  const others = Array.from({ length: count - 1 }, (_, i) => crew.keepUp(i + 2));
  await Promise.race([crew.allReady, once(signal, "abort")]);
  if (!signal.aborted) onReady(url);
  return Math.max(...(await Promise.all([first, ...others])));
}

/** The workers, and what is common to them. */
function createCrew({ count, signal, hurry, onListening, onEnd }: Options, env: Record<string, string>) {
  const running = new Map<number, Worker>();
  const metrics = createAllMetrics(() => [...running.values()].filter((worker) => worker.isConnected()));
  const served = new Set<number>();
  const [ready, allReady] = [deferred<string>(), deferred()];
  const endAll = (name: NodeJS.Signals): void => running.forEach((worker) => void worker.process.kill(name));
  signal.addEventListener("abort", () => endAll("SIGTERM"));
  hurry.addEventListener("abort", () => endAll("SIGINT"));

  /** One life of a worker. @returns its exit code, why it ended as far as that is known, and for how long it served, in ms */
  async function run(number: number): Promise<{ code: number; why: string; servedMs: number }> {
    let why: string | undefined;
    let readyAt = Infinity;
    const worker = cluster.fork(env);
    running.set(number, worker);
    const ended = deferred<[code: number | null, killedBy: string | null]>();
    worker.once("exit", (code, killedBy) => ended.resolve([code, killedBy]));
    worker.on("error", (error) => {
      why ??= error.message;
      if (worker.process.pid === undefined) ended.resolve([1, null]);
    });
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "starting") onListening(message.url);
      else if (message.kind === "failed") why = message.why;
      else if (message.kind === "sample") metrics.sampled(message.id, message.metrics);
      else if (message.kind === "scrape") void scrape(worker, message.id);
      else {
        readyAt = performance.now();
        served.add(number);
        ready.resolve(message.url);
        if (served.size === count) allReady.resolve();
      }
    });
    const [code, killedBy] = await ended.promise;
    running.delete(number);
    return { code: code ?? 0, why: why ?? killedBy ?? `exit code ${code}`, servedMs: performance.now() - readyAt };
  }

  async function scrape(worker: Worker, id: number): Promise<void> {
    const answer: FromSupervisor = { kind: "scraped", id, text: await metrics.text() };
    if (worker.isConnected()) worker.send(answer);
  }

  return {
    /** The address, as soon as one serves. */
    ready: ready.promise,
    allReady: allReady.promise,
    /** Until it ends after `signal`, or before anybody has served. @returns its exit code */
    async keepUp(number: number): Promise<number> {
      for (let failures = 0; ;) {
        const { code, why, servedMs } = await run(number);
        if (signal.aborted) return code;
        if (served.size === 0) return Math.max(1, code);
        failures = servedMs > steadyAfterMs ? 0 : failures + 1;
        const pauseMs = pauseBeforeStart(failures);
        const when = failures === 0 ? "again" : `again in ${pauseMs / 1000} s, as it did not last`;
        onEnd(`worker ${number} of ${count} has ended (${why}) and is started ${when}`);
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return 0;
        metrics.restarted();
      }
    },
  };
}
