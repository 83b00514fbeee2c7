import { readFileSync } from "node:fs";
import type { Redis, Reply, Script } from "../platform/redis/redis.ts";

/*
 * online:users           SET of the ids of all who are connected
 * online:<user>          STRING "1", PX 90000: the user is connected
 * presence:user:<user>   SET of the nodes that have the user, PX 90000
 * presence:node:<node>   SET of the ids that a node has
 * presence:nodes         ZSET of nodes by the time, in ms, until which they must be heard of
 * Ids are decimal. Every script works on all of them at once, so Redis is a standalone one.
 */
const nodesKey = "presence:nodes";
const usersKey = "online:users";

/** Life of a user's keys, in ms: as long as a socket may be silent. */
const userLife = 90_000;
/** How many users one script call treats at most: below 0.5 ms of Redis' time. */
export const sliceSize = 100;
/** How many keys one command reads. */
const readSize = 500;

const folder = new URL("./scripts/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), "utf8");
const shared = read("presence");
const script = (name: string): Script => ({ name, source: `${shared}\n${read(name)}` });

const [join, beat, reap] = [script("node-join"), script("node-beat"), script("node-reap")];
const [add, remove, sweep] = [script("online-add"), script("online-remove"), script("online-sweep")];

/** For Redis to know before they are called. */
export const presenceScripts: readonly Script[] = [join, beat, reap, add, remove, sweep];

/** Presence as Redis keeps it. All calls throw RedisUnavailable; whether it was done is unknown then, and doing it again is right. */
export function onlineKeys(redis: Redis, deadlineMs: number) {
  const run = (one: Script, node: string, args: readonly (string | number)[]): Promise<Reply> =>
    redis.script(deadlineMs, one, [nodesKey, usersKey, `presence:node:${node}`], args);
  return {
    /** A new node, without users. */
    join: async (node: string, lifeMs: number): Promise<void> => void (await run(join, node, [node, lifeMs])),
    /** `alive: false`: the node is not registered any more. `silent`: others whose time is over. */
    async beat(node: string, lifeMs: number): Promise<{ alive: boolean; silent: string[] }> {
      const [alive, ...silent] = list(await run(beat, node, [node, lifeMs]));
      return { alive: alive === 1, silent: silent.map(String) };
    },
    /** @returns who was not online anywhere before; undefined: the node is not registered any more */
    async add(node: string, userIds: readonly number[]): Promise<number[] | undefined> {
      const reply = await run(add, node, [node, userLife, ...userIds]);
      return reply === null ? undefined : ids(list(reply));
    },
    /** @returns who is not online anywhere now */
    remove: async (node: string, userIds: readonly number[]): Promise<number[]> =>
      ids(list(await run(remove, node, [node, ...userIds]))),
    /** Takes a slice of users off a node that is silent, or that leaves by itself (`own`). */
    async reap(node: string, own: boolean): Promise<{ more: boolean; gone: number[] }> {
      const [more, ...gone] = list(await run(reap, node, [node, sliceSize, own ? "1" : "0"]));
      return { more: more === 1, gone: ids(gone) };
    },
    /** Looks through a part of those online. `next` is "0" at the end. */
    async sweep(node: string, cursor: string): Promise<{ next: string; total: number; gone: number[] }> {
      const [next, total, ...gone] = list(await run(sweep, node, [cursor, sliceSize, userLife]));
      return { next: String(next), total: Number(total), gone: ids(gone) };
    },
    count: async (): Promise<number> => Number(await redis.call(deadlineMs, "SCARD", usersKey)),
    /**
     * Who of these is online, in one round trip. `registered`: Redis knows the asking node, so it has not lost its data. `doubtful`:
     * one of the two keys that say so is missing, which eviction explains as well as a death that nobody saw.
     */
    async find(
      node: string,
      userIds: readonly number[],
      withinMs: number,
    ): Promise<{ registered: boolean; found: Set<number>; doubtful: Set<number> }> {
      const call = (command: string, ...args: string[]): Promise<Reply> => redis.call(withinMs, command, ...args);
      const ask = async (part: readonly number[]) => {
        const [flags, entries] = await Promise.all([
          call("MGET", ...part.map((userId) => `online:${userId}`)),
          call("SMISMEMBER", usersKey, ...part.map(String)),
        ]);
        return { part, flags: list(flags), entries: list(entries) };
      };
      const [known, ...answers] = await Promise.all([call("ZSCORE", nodesKey, node), ...parts(userIds).map(ask)]);
      const [found, doubtful] = [new Set<number>(), new Set<number>()];
      for (const { part, flags, entries } of answers) {
        for (const [i, userId] of part.entries()) {
          if (flags[i] !== null) found.add(userId);
          else if (entries[i] === 1) doubtful.add(userId);
        }
      }
      return { registered: known !== null, found, doubtful };
    },
  };
}
export type OnlineKeys = ReturnType<typeof onlineKeys>;

function parts(userIds: readonly number[]): (readonly number[])[] {
  const count = Math.ceil(userIds.length / readSize);
  return Array.from({ length: count }, (_, i) => userIds.slice(i * readSize, (i + 1) * readSize));
}

function list(reply: Reply): Reply[] {
  return Array.isArray(reply) ? reply : [];
}

/** What others wrote into our sets is left out. */
function ids(replies: readonly Reply[]): number[] {
  return replies.map((reply) => Number(String(reply))).filter((id) => Number.isSafeInteger(id) && id > 0);
}
