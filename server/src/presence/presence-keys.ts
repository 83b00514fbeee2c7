import { chunks } from "../platform/chunks.ts";
import { luaScripts } from "../platform/redis/scripts.ts";
import type { Redis, Reply, Script } from "../platform/redis/redis.ts";
import { sliceSize, type PresenceRegister } from "./presence-register.ts";

/*
 * online:users           SET of the ids of all who are connected
 * online:<user>          STRING "1", PX 90000: the user is connected
 * presence:user:<user>   SET of the nodes that have the user, PX 90000
 * presence:node:<node>   SET of the ids that a node has
 * presence:nodes         ZSET of nodes by the time, in ms, until which they must be heard of, by Redis' clock
 * Ids are decimal. In a cluster {presence} stands in front of all names: so they lie in one slot, and a script may touch them all.
 */
const clusterTag = "{presence}";

/** Life of a user's keys, in ms: as long as a socket may be silent. */
const userTtlMs = 90_000;
/** How many users are looked up at once. */
const readSize = 500;

const scripts = luaScripts(new URL("../../src/presence/scripts/", import.meta.url), "common", [
  "node-join",
  "node-heartbeat",
  "node-reap",
  "online-add",
  "online-remove",
  "online-sweep",
]);
/** For Redis to know before they are called. */
export const presenceScripts: readonly Script[] = Object.values(scripts);

/** Rises whenever somebody has come to the first node or left the last one. */
export const presenceCounter = (redis: Pick<Redis, "isSharded">): string => `${tagOf(redis)}presence:ver`;

const tagOf = ({ isSharded }: Pick<Redis, "isSharded">): string => (isSharded ? clusterTag : "");

/** Presence as Redis keeps it; each call is one script over all keys, and throws RedisUnavailable. */
export function presenceKeys(redis: Redis, timeoutMs: number) {
  const tag = tagOf(redis);
  const [nodesKey, usersKey] = [`${tag}presence:nodes`, `${tag}online:users`];
  const run = async (name: keyof typeof scripts, node: string, ...args: (string | number)[]): Promise<Reply[]> =>
    list(
      await redis.script(
        timeoutMs,
        scripts[name],
        [nodesKey, usersKey, `${tag}presence:node:${node}`],
        [node, ...args],
      ),
    );
  return {
    join: async (node: string, lifeMs: number): Promise<void> => void (await run("node-join", node, lifeMs)),
    async heartbeat(node: string, lifeMs: number) {
      const [registered, ...expired] = await run("node-heartbeat", node, lifeMs);
      return { registered: registered === 1, expired: expired.map(String) };
    },
    async add(node: string, userIds: readonly number[]) {
      const [registered, ...added] = await run("online-add", node, userTtlMs, ...userIds);
      return registered === 1 ? ids(added) : undefined;
    },
    remove: async (node: string, userIds: readonly number[]) => ids(await run("online-remove", node, ...userIds)),
    async reap(node: string, own: boolean) {
      const [more, ...gone] = await run("node-reap", node, sliceSize, own ? "1" : "0");
      return { more: more === 1, gone: ids(gone) };
    },
    async sweep(node: string, cursor: string) {
      const [next, total, ...gone] = await run("online-sweep", node, cursor, sliceSize, userTtlMs);
      return { next: String(next), total: Number(total), gone: ids(gone) };
    },
    count: async () => Number(await redis.call(timeoutMs, "SCARD", usersKey)),
    /**
     * In one round trip. `uncertain`: one of the two keys that say that somebody is online is missing, which eviction explains as well as a
     * death that nobody saw.
     */
    async find(node: string, userIds: readonly number[], withinMs: number) {
      const [online, uncertain] = [new Set<number>(), new Set<number>()];
      const read = async (part: readonly number[]): Promise<void> => {
        const [entries, flags] = await Promise.all([
          redis.call(withinMs, "SMISMEMBER", usersKey, ...part),
          redis.call(withinMs, "MGET", ...part.map((userId) => `${tag}online:${userId}`)),
        ]);
        for (const [i, userId] of part.entries()) {
          if (list(flags)[i] !== null) online.add(userId);
          else if (list(entries)[i] === 1) uncertain.add(userId);
        }
      };
      const known = redis.call(withinMs, "ZSCORE", nodesKey, node);
      await Promise.all([known, ...chunks(userIds, readSize).map(read)]);
      return { registered: (await known) !== null, online, uncertain };
    },
  } satisfies PresenceRegister;
}
export type PresenceKeys = ReturnType<typeof presenceKeys>;

function list(reply: Reply): Reply[] {
  return Array.isArray(reply) ? reply : [];
}

/** What others wrote into our sets is left out. */
function ids(replies: readonly Reply[]): number[] {
  return replies.map((reply) => Number(String(reply))).filter((id) => Number.isSafeInteger(id) && id > 0);
}
