import { readFileSync } from "node:fs";
import type { Reply, Script } from "../platform/redis/redis.ts";

/*
 * online:users           SET of the ids of all who are connected
 * online:<user>          STRING "1", PX 90000: the user is connected
 * presence:user:<user>   SET of the nodes that have the user, PX 90000
 * presence:node:<node>   SET of the ids that a node has; where keys lie on several servers PX 90000
 * presence:nodes         ZSET of nodes by the time, in ms, until which they must be heard of, by the clock of its server
 * Ids are decimal.
 */
export const nodesKey = "presence:nodes";
export const usersKey = "online:users";
export const flagKey = (userId: number): string => `online:${userId}`;
export const nodesOf = (userId: number): string => `presence:user:${userId}`;
export const usersOf = (node: string): string => `presence:node:${node}`;

/** Life of a user's keys, in ms: as long as a socket may be silent. */
export const userLife = 90_000;
/** How many users one call treats at most: below 0.5 ms of Redis' time. */
export const sliceSize = 100;

/** Presence as Redis keeps it: what is written about users. Doing any of it again is right, also when it was done in part. */
export interface UserKeys {
  /** @returns who was not online anywhere before; undefined: the node is not registered any more, and nobody was added */
  add(node: string, userIds: readonly number[]): Promise<number[] | undefined>;
  /** @returns who is not online anywhere now */
  remove(node: string, userIds: readonly number[]): Promise<number[]>;
  /** Takes a slice of users off a node that is silent, or that leaves by itself (`own`). */
  reap(node: string, own: boolean): Promise<{ more: boolean; gone: number[] }>;
  /** Looks through a part of those online. `next` is "0" at the end. */
  sweep(node: string, cursor: string): Promise<{ next: string; total: number; gone: number[] }>;
}

const folder = new URL("../../src/presence/scripts/", import.meta.url);

/** The scripts of that name, put together from files of the folder scripts/. @param names the last one is the script's */
export function presenceScript(...names: readonly [string, ...string[]]): Script {
  const source = names.map((name) => readFileSync(new URL(`${name}.lua`, folder), "utf8")).join("\n");
  return { name: names.at(-1)?.split("/").at(-1) ?? "", source };
}

export function list(reply: Reply): Reply[] {
  return Array.isArray(reply) ? reply : [];
}

/** What others wrote into our sets is left out. */
export function ids(replies: readonly Reply[]): number[] {
  return replies.map((reply) => Number(String(reply))).filter((id) => Number.isSafeInteger(id) && id > 0);
}
