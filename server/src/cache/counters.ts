import type { Redis } from "../platform/redis/redis.ts";

/**
 * Kinds of which an answer shows many objects, and a counter in Redis for each that rises with every mark of one: while it stands still
 * none of them has changed, and nobody need ask for each.
 */
const counterOfKind = new Map([["profile", "profile:ver"]]);

export const counters: readonly string[] = [...counterOfKind.values()];

export const counterOf = (key: string): string | undefined => counterOfKind.get(key.slice(0, key.indexOf(":")));

/** Which counters a mark of these keys raises, in the same call. In a cluster there are none: they would lie on other servers. */
export function countersOf(keys: readonly string[], redis: Pick<Redis, "isSharded">): string[] {
  if (redis.isSharded) return [];
  return [...new Set(keys.flatMap((key) => counterOf(key) ?? []))];
}
