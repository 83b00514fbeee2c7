import type { Redis, Reply, Script } from "../platform/redis/redis.ts";
import {
  ids,
  list,
  nodesKey,
  presenceScript,
  sliceSize,
  userLife,
  usersKey,
  usersOf,
  type UserKeys,
} from "./presence-keys.ts";

const script = (name: string): Script => presenceScript("typed", "nodes", "presence", name);
const [add, remove] = [script("online-add"), script("online-remove")];
const [reap, sweep] = [script("node-reap"), script("online-sweep")];

export const standaloneScripts: readonly Script[] = [add, remove, reap, sweep];

/** For a standalone Redis: each is one script, which works on all keys at once. */
export function standaloneKeys(redis: Redis, deadlineMs: number): UserKeys {
  const run = (one: Script, node: string, args: readonly (string | number)[]): Promise<Reply> =>
    redis.script(deadlineMs, one, [nodesKey, usersKey, usersOf(node)], args);
  return {
    async add(node, userIds) {
      const reply = await run(add, node, [node, userLife, ...userIds]);
      return reply === null ? undefined : ids(list(reply));
    },
    remove: async (node, userIds) => ids(list(await run(remove, node, [node, ...userIds]))),
    async reap(node, own) {
      const [more, ...gone] = list(await run(reap, node, [node, sliceSize, own ? "1" : "0"]));
      return { more: more === 1, gone: ids(gone) };
    },
    async sweep(node, cursor) {
      const [next, total, ...gone] = list(await run(sweep, node, [cursor, sliceSize, userLife]));
      return { next: String(next), total: Number(total), gone: ids(gone) };
    },
  };
}
