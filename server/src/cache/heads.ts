import { chunks } from "../platform/chunks.ts";
import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { keysPerCall } from "./script-calls.ts";
import { headerBytes } from "./entry.ts";
import { scripts } from "./scripts.ts";

/** Headers of entries, then values of counters, 48 bytes each, in the order in which they are asked for. @throws RedisUnavailable */
export async function readHeads(
  redis: Redis,
  { keys, counters, timeoutMs }: { keys: readonly string[]; counters: readonly string[]; timeoutMs: number },
): Promise<Buffer> {
  if (redis.isSharded) return readOneByOne(redis, [...keys, ...counters], timeoutMs);
  const parts = chunks(keys, keysPerCall);
  if (parts.length === 0) parts.push([]);
  const texts = await Promise.all(
    parts.map((part, index) => {
      const asked = index === parts.length - 1 ? [...part, ...counters] : part;
      return redis.script(timeoutMs, scripts.look, asked, [part.length]) as Promise<Buffer>;
    }),
  );
  return texts.length === 1 && texts[0] !== undefined ? texts[0] : Buffer.concat(texts);
}

/** Keys lie on different servers. What is no text under its key is like what is absent. */
async function readOneByOne(redis: Redis, keys: readonly string[], timeoutMs: number): Promise<Buffer> {
  const all = Buffer.alloc(keys.length * headerBytes, " ");
  const read = async (key: string, index: number): Promise<void> => {
    const bytes = await redis.call(timeoutMs, "GETRANGE", key, 0, headerBytes - 1).catch(unlessForeign);
    if (Buffer.isBuffer(bytes)) bytes.copy(all, index * headerBytes);
  };
  await Promise.all(keys.map(read));
  return all;
}

/** Something under the key that is no text at all, such as a list, is like bytes that are no entry. */
export function unlessForeign(error: unknown): undefined {
  if (error instanceof RedisUnavailable && error.message.startsWith("WRONGTYPE")) return undefined;
  throw error;
}
