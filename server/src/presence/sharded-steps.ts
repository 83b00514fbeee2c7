import type { Arg, Redis, Reply, Script } from "../platform/redis/redis.ts";
import {
  flagKey,
  ids,
  list,
  nodesKey,
  nodesOf,
  presenceScript,
  sliceSize,
  userLife,
  usersKey,
  usersOf,
} from "./presence-keys.ts";
import { together } from "./together.ts";

const living = presenceScript("typed", "nodes", "sharded/living");
const nodeEnd = presenceScript("typed", "nodes", "sharded/node-end");
const setAdd = presenceScript("typed", "sharded/set-add");
const setRemove = presenceScript("typed", "sharded/set-remove");
const setPick = presenceScript("typed", "sharded/ids", "sharded/set-pick");
const setScan = presenceScript("typed", "sharded/ids", "sharded/set-scan");
const userNodes = presenceScript("typed", "sharded/user-nodes");

export const shardedScripts: readonly Script[] = [living, nodeEnd, setAdd, setRemove, setPick, setScan, userNodes];

/** Steps of which each call names one key; those of one tick leave together. They wait until all that they asked has ended. */
export function shardedSteps(redis: Redis, deadlineMs: number) {
  const call = (command: string, ...args: Arg[]): Promise<Reply> => redis.call(deadlineMs, command, ...args);
  const run = (one: Script, key: string, args: readonly Arg[]): Promise<Reply> =>
    redis.script(deadlineMs, one, [key], args);
  return {
    living: async (): Promise<Set<string>> => new Set(list(await run(living, nodesKey, [])).map(String)),
    /** Whether the node is dead, as it is from now on if it leaves by itself. */
    isOver: async (node: string, own: boolean): Promise<boolean> =>
      (await run(nodeEnd, nodesKey, [node, own ? "1" : "0"])) === 1,
    forget: async (node: string): Promise<void> => void (await call("ZREM", nodesKey, node)),
    note: async (node: string, userIds: readonly number[]): Promise<void> =>
      void (await run(setAdd, usersOf(node), [userLife, ...userIds])),
    /** Some of the node's users. */
    pick: async (node: string): Promise<number[]> => ids(list(await run(setPick, usersOf(node), [sliceSize]))),
    /** @returns who was still the node's, and how many it has left */
    async strike(node: string, userIds: readonly number[]): Promise<{ struck: Set<number>; left: number }> {
      const [left, ...struck] = list(await run(setRemove, usersOf(node), userIds));
      return { struck: new Set(ids(struck)), left: Number(left) };
    },
    join: async (node: string, userIds: readonly number[]): Promise<void> =>
      void (await together(userIds.map((userId) => run(setAdd, nodesOf(userId), [userLife, node])))),
    /** The nodes that have each of the users. @param former has them no more */
    nodesOf: (userIds: readonly number[], former: readonly string[]): Promise<string[][]> =>
      together(userIds.map(async (userId) => list(await run(userNodes, nodesOf(userId), former)).map(String))),
    /** Gives users their own keys. */
    flag: async (userIds: readonly number[]): Promise<void> =>
      void (await together(userIds.map((userId) => call("SET", flagKey(userId), "1", "PX", userLife)))),
    unflag: async (userIds: readonly number[]): Promise<void> =>
      void (await together(userIds.map((userId) => call("DEL", flagKey(userId))))),
    /** @returns who was not in online:users */
    enter: async (userIds: readonly number[]): Promise<number[]> =>
      userIds.length === 0 ? [] : ids(list(await run(setAdd, usersKey, [0, ...userIds]))),
    /** @returns who was in online:users */
    leave: async (userIds: readonly number[]): Promise<number[]> =>
      userIds.length === 0 ? [] : ids(list(await run(setRemove, usersKey, userIds)).slice(1)),
    /** Those without a key of their own. */
    async lost(userIds: readonly number[]): Promise<number[]> {
      const flags = await together(userIds.map((userId) => call("EXISTS", flagKey(userId))));
      return userIds.filter((_, i) => flags[i] === 0);
    },
    /** A part of those in online:users. */
    async scan(cursor: string): Promise<{ next: string; total: number; userIds: number[] }> {
      const [next, total, ...members] = list(await run(setScan, usersKey, [cursor, sliceSize]));
      return { next: String(next), total: Number(total), userIds: ids(members) };
    },
  };
}
export type ShardedSteps = ReturnType<typeof shardedSteps>;
