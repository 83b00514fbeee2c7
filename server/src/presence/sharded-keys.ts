import type { Redis } from "../platform/redis/redis.ts";
import type { UserKeys } from "./presence-keys.ts";
import { shardedSteps, type ShardedSteps } from "./sharded-steps.ts";
import { together } from "./together.ts";

/** How often a user is shown anew whose nodes change in the very moment. What is wrong then is left to the refresh and the sweep. */
const rounds = 20;

/**
 * For keys that lie on several servers, so that nothing is done at once. Two rules make it right in the end:
 *
 * 1. presence:user:<user> says who has a user; what is shown (online:<user>, online:users) follows from it. A node that takes a user
 *    on writes presence:node:<node> first, so that others find the user when it dies, then presence:user:<user>, then what is shown.
 *    When it takes a user off, presence:node:<node> is the last: until then whoever reaps it does the same once more.
 * 2. Whoever shows somebody because of what presence:user:<user> said looks there again afterwards, and shows anew what has changed.
 *    So if another node takes the user on meanwhile, either that is seen and the user put back, or the other shows the user later.
 *    The same the other way round: whoever was put back while the last node took the user off is hidden again.
 *
 * presence:nodes is read after presence:user:<user>: a node stands there before it has users, and never comes to life again.
 *
 * When the one who hides a user dies before looking again, the other node's refresh shows the user, within 30 s. When one who shows
 * somebody does, and nobody has the user any more, what is shown lives 90 s at most. Two at once may both tell that a user went or
 * came; user-status.ts asks whether that is so before peers hear it, so at worst they hear it twice.
 */
export function shardedKeys(redis: Redis, deadlineMs: number): UserKeys {
  const steps = shardedSteps(redis, deadlineMs);
  /** Takes users off a node, all but their names at presence:node. @returns who is offline now */
  const release = async (node: string, userIds: readonly number[]): Promise<Set<number>> => {
    const kept = await held(steps, userIds, [node]);
    const left = userIds.filter((userId) => !kept.has(userId));
    const off = await show(steps, new Map(left.map((userId) => [userId, false])));
    return new Set(off.keys());
  };
  return {
    async add(node, userIds) {
      if (!(await steps.living()).has(node)) return undefined;
      await steps.note(node, userIds);
      await steps.join(node, userIds);
      const [came] = await together([steps.enter(userIds), steps.flag(userIds)]);
      if ((await steps.living()).has(node)) return came;
      // Others may have taken the users off before they were shown.
      await release(node, userIds);
      return undefined;
    },
    async remove(node, userIds) {
      const gone = await release(node, userIds);
      await steps.strike(node, userIds);
      return [...gone];
    },
    async reap(node, own) {
      if (!(await steps.isOver(node, own))) return { more: false, gone: [] };
      const userIds = await steps.pick(node);
      const off = await release(node, userIds);
      // Of several who reap, the one who strikes a user off tells.
      const { struck, left } = await steps.strike(node, userIds);
      if (left === 0) await steps.forget(node);
      return { more: left > 0, gone: userIds.filter((userId) => off.has(userId) && struck.has(userId)) };
    },
    async sweep(_, cursor) {
      const { next, total, userIds } = await steps.scan(cursor);
      const lost = await steps.lost(userIds);
      const kept = await held(steps, lost, []);
      const off = await show(steps, new Map(lost.map((userId) => [userId, kept.has(userId)])));
      // Of several who sweep, the one who took a user out tells.
      const gone = [...off].filter(([, byUs]) => byUs).map(([userId]) => userId);
      return { next, total: total - gone.length, gone };
    },
  };
}

/** Those whom a living node has; others are struck off the users' lists. @param former has them no more, alive or not */
async function held(steps: ShardedSteps, userIds: readonly number[], former: readonly string[]): Promise<Set<number>> {
  const nodes = await steps.nodesOf(userIds, former);
  if (nodes.every((some) => some.length === 0)) return new Set();
  const living = await steps.living();
  const dead = userIds.map((userId, i) => ({ userId, nodes: nodes[i]?.filter((node) => !living.has(node)) ?? [] }));
  await together(dead.filter((one) => one.nodes.length > 0).map((one) => steps.nodesOf([one.userId], one.nodes)));
  return new Set(userIds.filter((_, i) => nodes[i]?.some((node) => living.has(node))));
}

/**
 * Shows users as online or offline, and looks again until that is so. Into online:users it puts back only whom it took out itself:
 * whoever comes is told by the one who puts the user there, and nobody would tell it if that had been done in passing.
 * @returns who is offline in the end, and whether this call took the user out of online:users
 */
async function show(steps: ShardedSteps, wanted: ReadonlyMap<number, boolean>): Promise<Map<number, boolean>> {
  const [off, taken] = [new Set<number>(), new Set<number>()];
  let wrong = [...wanted];
  for (let round = 0; wrong.length > 0 && round < rounds; round++) {
    const those = (online: boolean): number[] => wrong.filter((one) => one[1] === online).map(([userId]) => userId);
    const [come, go] = [those(true), those(false)];
    const back = come.filter((userId) => taken.delete(userId));
    const [left] = await together([steps.leave(go), steps.unflag(go), steps.enter(back), steps.flag(come)]);
    for (const userId of left) taken.add(userId);
    for (const userId of come) off.delete(userId);
    for (const userId of go) off.add(userId);
    const now = await held(steps, [...come, ...go], []);
    wrong = wrong.filter(([userId, online]) => now.has(userId) !== online).map(([userId, online]) => [userId, !online]);
  }
  return new Map([...off].map((userId) => [userId, taken.has(userId)]));
}
