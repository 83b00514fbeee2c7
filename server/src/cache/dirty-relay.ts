import { chunks } from "../platform/chunks.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { splitCalls, keysPerCall } from "./script-calls.ts";
import type { DirtyRow } from "./control-store.ts";
import { countersOf } from "./counters.ts";
import type { Memory } from "./memory.ts";
import { scripts } from "./scripts.ts";
import type { OnStep } from "./steps.ts";

/** How long a mark may take, in ms; a dirty row waits for its next turn then. */
const markDeadline = 100;

/**
 * Marks keys that were changed without a mark: every node does it for every row that it sees, and this node answers with nothing
 * older any more. The ids of the rows whose keys are marked, which then may go.
 */
export function createDirtyRelay(deps: {
  redis: Redis | undefined;
  memory: Memory;
  step?: OnStep | undefined;
}): (rows: readonly DirtyRow[], epoch: number) => Promise<number[]> {
  return async (rows, epoch) => {
    for (const { key, ver } of rows) deps.memory.raiseFloor(key, ver);
    const { redis } = deps;
    if (redis?.usable !== true) return [];
    const marked: number[] = [];
    for (const part of chunks(rows, keysPerCall)) {
      const ends = await Promise.allSettled(splitCalls(part, redis).map((call) => markRows(redis, call, epoch)));
      marked.push(...ends.flatMap((end) => (end.status === "fulfilled" ? end.value : [])));
      if (ends.some(({ status }) => status === "rejected")) break;
    }
    await deps.step?.("relay-marked");
    return marked;
  };
}

async function markRows(redis: Redis, rows: readonly DirtyRow[], epoch: number): Promise<number[]> {
  const keys = rows.map(({ key }) => key);
  const vers = rows.map(({ ver }) => ver);
  await redis.script(markDeadline, scripts.mark, [...keys, ...countersOf(keys, redis)], [epoch, ...vers]);
  return rows.map(({ id }) => id);
}
