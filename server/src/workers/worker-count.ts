import { availableParallelism } from "node:os";
import type { Config } from "../config.ts";

/** More than these wait for the database, whatever the machine. */
const mostByDefault = 8;

/**
 * How many processes are to serve the port. By default half of the cores from three on, because PostgreSQL and Redis, which work as
 * much for a message as the server does, may be on the same machine; and one without a Redis, where limits would count in each of them.
 */
export function workerCount(
  { workers, redisUrl, redisAddr }: Pick<Config, "workers" | "redisUrl" | "redisAddr">,
  cores = availableParallelism(),
): number {
  if (workers > 0) return workers;
  const hasRedis = redisUrl !== "" || redisAddr !== "";
  return hasRedis && cores > 2 ? Math.min(mostByDefault, Math.ceil(cores / 2)) : 1;
}

/** How long a worker that has failed so often in a row, each time soon after its start, is waited with, in ms. */
export function pauseBeforeStart(failures: number): number {
  return failures === 0 ? 0 : Math.min(30_000, 250 * 2 ** failures);
}

/** Connections to PostgreSQL of each worker: their share of DB_POOL. */
export function poolOfWorker(dbPool: number, count: number): number {
  return Math.max(4, Math.ceil(dbPool / count));
}
