import type { Arg, Redis } from "../platform/redis/redis.ts";
import { askedBy } from "./redis-clients.ts";

/** Commands all of whose arguments are keys; of all others that are used here the first one is. */
const manyKeys = new Set(["MGET", "DEL", "EXISTS"]);

export function keysOf(command: string, args: readonly Arg[]): string[] {
  return (manyKeys.has(command) ? args : args.slice(0, 1)).map(String);
}

/** How presence works on Redis, to be tested alike. */
export const variants = ["one script for all keys", "one key a call"] as const;
export type Variant = (typeof variants)[number];

/**
 * Says that its keys lie on several servers, though it is one, in the variant that is for that; a call that names more than one key
 * fails then. @param refused what failed so; for the test to see that it is empty
 */
export function asVariant(redis: Redis, variant: Variant, refused: string[]): Redis {
  if (variant === "one script for all keys") return redis;
  const check = (name: string, keys: readonly string[]): void => {
    if (keys.length === 1) return;
    refused.push(`${name} ${keys.join(" ")}`);
    throw new Error(`${name} named ${keys.length} keys`);
  };
  const asked = askedBy(redis, {
    async call(deadlineMs, command, ...args) {
      check(command, keysOf(command, args));
      return redis.call(deadlineMs, command, ...args);
    },
    async script(deadlineMs, script, keys, args) {
      check(script.name, keys);
      return redis.script(deadlineMs, script, keys, args);
    },
  });
  return Object.assign(asked, { isSharded: true });
}
