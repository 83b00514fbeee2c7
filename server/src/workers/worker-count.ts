import { availableParallelism } from "node:os";
import { ConfigError, type Config } from "../config.ts";

/** More than these wait for the database, whatever the machine. */
const mostByDefault = 8;

/**
 * How many processes are to serve the port. By default half of the cores from three on, because PostgreSQL and Redis, which work as
 * much for a message as the server does, may be on the same machine.
 * @throws ConfigError
 */
export function workerCount(
  { workers, redisUrl, redisAddr }: Pick<Config, "workers" | "redisUrl" | "redisAddr">,
  cores = availableParallelism(),
): number {
  const canHearEachOther = redisUrl !== "" || redisAddr !== "";
  if (workers === 0) return canHearEachOther && cores > 2 ? Math.min(mostByDefault, Math.ceil(cores / 2)) : 1;
  if (workers > 1 && !canHearEachOther)
    throw new ConfigError(
      `WORKERS: ${workers} processes can reach each other's sockets by way of a Redis only, and neither REDIS_URL nor REDIS_ADDR is set; allowed without it: 1`,
    );
  return workers;
}

/** How long a worker that has failed so often in a row, each time soon after its start, is waited with, in ms. */
export function pauseBeforeStart(failures: number): number {
  return failures === 0 ? 0 : Math.min(30_000, 250 * 2 ** failures);
}

/** Connections to PostgreSQL of each worker: their share of DB_POOL. */
export function poolOfWorker(dbPool: number, count: number): number {
  return Math.max(4, Math.ceil(dbPool / count));
}
