import { chunks } from "../platform/chunks.ts";
import type { Redis, Reply, Script } from "../platform/redis/redis.ts";
import { flagKey, list, nodesKey, presenceScript, usersKey, type UserKeys } from "./presence-keys.ts";
import { shardedKeys } from "./sharded-keys.ts";
import { shardedScripts } from "./sharded-steps.ts";
import { standaloneKeys, standaloneScripts } from "./standalone-keys.ts";

/** How many users are looked up at once. */
const readSize = 500;

const [join, beat] = [presenceScript("typed", "nodes", "node-join"), presenceScript("typed", "nodes", "node-beat")];

/** For Redis to know before they are called. */
export const presenceScripts: readonly Script[] = [join, beat, ...standaloneScripts, ...shardedScripts];

/** Presence as Redis keeps it. All calls throw RedisUnavailable; whether it was done is unknown then, and doing it again is right. */
export interface OnlineKeys extends UserKeys {
  /** A new node, without users. */
  join(node: string, lifeMs: number): Promise<void>;
  /** `alive: false`: the node is not registered any more. `silent`: others whose time is over. */
  beat(node: string, lifeMs: number): Promise<{ alive: boolean; silent: string[] }>;
  count(): Promise<number>;
  /**
   * Who of these is online. `registered`: Redis knows the asking node, so it has not lost its data. `doubtful`: one of the two keys
   * that say so is missing, which eviction explains as well as a death that nobody saw.
   */
  find(node: string, userIds: readonly number[], withinMs: number): Promise<Found>;
}

interface Found {
  registered: boolean;
  found: Set<number>;
  doubtful: Set<number>;
}

/** As scripts over all keys at once, or, where keys lie on several servers, in steps of one key each. */
export function onlineKeys(redis: Redis, deadlineMs: number): OnlineKeys {
  const run = (one: Script, args: readonly (string | number)[]): Promise<Reply> =>
    redis.script(deadlineMs, one, [nodesKey], args);
  return {
    ...(redis.isSharded ? shardedKeys(redis, deadlineMs) : standaloneKeys(redis, deadlineMs)),
    join: async (node, lifeMs) => void (await run(join, [node, lifeMs])),
    async beat(node, lifeMs) {
      const [alive, ...silent] = list(await run(beat, [node, lifeMs]));
      return { alive: alive === 1, silent: silent.map(String) };
    },
    count: async () => Number(await redis.call(deadlineMs, "SCARD", usersKey)),
    find: (node, userIds, withinMs) => find(redis, { node, userIds, withinMs }),
  };
}

/** In one round trip; where a call may name one key only, in one for every 500 users, so that not too many calls are under way. */
async function find(
  redis: Redis,
  { node, userIds, withinMs }: { node: string; userIds: readonly number[]; withinMs: number },
): Promise<Found> {
  const until = performance.now() + withinMs;
  const found: Found = { registered: false, found: new Set(), doubtful: new Set() };
  const call = (command: string, ...args: string[]): Promise<Reply> =>
    redis.call(Math.max(0, until - performance.now()), command, ...args);
  async function read(part: readonly number[]): Promise<void> {
    const flags = chunks(part, redis.isSharded ? 1 : readSize).map((some) => call("MGET", ...some.map(flagKey)));
    const [entries, ...replies] = await Promise.all([call("SMISMEMBER", usersKey, ...part.map(String)), ...flags]);
    const values = replies.flatMap(list);
    for (const [i, userId] of part.entries()) {
      if (values[i] !== null) found.found.add(userId);
      else if (list(entries)[i] === 1) found.doubtful.add(userId);
    }
  }
  async function readInTurn(): Promise<void> {
    for (const part of chunks(userIds, readSize)) await read(part);
  }
  const [known] = await Promise.all([
    call("ZSCORE", nodesKey, node),
    redis.isSharded ? readInTurn() : Promise.all(chunks(userIds, readSize).map(read)),
  ]);
  return { ...found, registered: known !== null };
}
