import type { Redis } from "../platform/redis/redis.ts";
import type { DirtyRow } from "./control-store.ts";
import type { Memory } from "./memory.ts";
import { scripts } from "./scripts.ts";
import type { OnStep } from "./steps.ts";

/** How long a kill may take, in ms; a dirty row waits for its next turn then. */
const killDeadline = 100;
const rowsPerCall = 256;

/**
 * Kills keys that were changed without a mark: every node does it for every row that it sees, and this node answers with nothing
 * older any more. The ids of the rows whose keys are dead, which then may go.
 */
export function createRelay(deps: {
  redis: Redis | undefined;
  memory: Memory;
  step?: OnStep | undefined;
}): (rows: readonly DirtyRow[], epoch: number) => Promise<number[]> {
  return async (rows, epoch) => {
    for (const { key, ver } of rows) deps.memory.raise(key, ver);
    const { redis } = deps;
    if (redis?.usable !== true) return [];
    const killed: number[] = [];
    for (let start = 0; start < rows.length; start += rowsPerCall) {
      const part = rows.slice(start, start + rowsPerCall);
      const keys = part.map(({ key }) => key);
      try {
        await redis.script(killDeadline, scripts.mark, keys, [epoch, ...part.map(({ ver }) => ver)]);
      } catch {
        break;
      }
      killed.push(...part.map(({ id }) => id));
    }
    await deps.step?.("relay-killed");
    return killed;
  };
}
