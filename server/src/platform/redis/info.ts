import type { Commands, Reply } from "./redis.ts";

/** A field of an INFO answer. */
export function infoField(info: Reply, field: string): string | undefined {
  if (!Buffer.isBuffer(info)) return undefined;
  const line = info
    .toString()
    .split("\r\n")
    .find((line) => line.startsWith(`${field}:`));
  return line?.slice(field.length + 1);
}

/** What Redis says of its memory. */
export interface RedisMemory {
  bytes: number;
  /** 0: no limit. */
  maxBytes: number;
  /** Such as `noeviction`. */
  policy: string;
  /** Since it started. */
  evictedKeys: number;
}

/** From INFO, which every user may ask who may connect at all; CONFIG is often forbidden. @throws RedisUnavailable */
export async function readMemory(redis: Pick<Commands, "call">, timeoutMs: number): Promise<RedisMemory> {
  const [memory, stats] = await Promise.all([
    redis.call(timeoutMs, "INFO", "memory"),
    redis.call(timeoutMs, "INFO", "stats"),
  ]);
  return {
    bytes: Number(infoField(memory, "used_memory") ?? 0),
    maxBytes: Number(infoField(memory, "maxmemory") ?? 0),
    policy: infoField(memory, "maxmemory_policy") ?? "",
    evictedKeys: Number(infoField(stats, "evicted_keys") ?? 0),
  };
}

/** Of all servers together; they are expected to have one policy. @param parts of one server at least */
export function sumMemory(parts: readonly RedisMemory[]): RedisMemory {
  const sum = (field: "bytes" | "maxBytes" | "evictedKeys"): number =>
    parts.reduce((all, part) => all + part[field], 0);
  const isUnlimited = parts.some(({ maxBytes }) => maxBytes === 0);
  return {
    bytes: sum("bytes"),
    maxBytes: isUnlimited ? 0 : sum("maxBytes"),
    policy: parts[0]?.policy ?? "",
    evictedKeys: sum("evictedKeys"),
  };
}
