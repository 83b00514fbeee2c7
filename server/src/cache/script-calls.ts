import { chunks } from "../platform/chunks.ts";
import type { Redis } from "../platform/redis/redis.ts";

/** Keys of one script call: a script must not hold Redis up. */
export const keysPerCall = 256;

/** What belongs into one script call each: of a cluster one key, as keys lie on different servers. Calls of one tick leave together. */
export function splitCalls<T>(all: readonly T[], redis: Pick<Redis, "isSharded"> | undefined): T[][] {
  return chunks(all, redis?.isSharded === true ? 1 : keysPerCall);
}
