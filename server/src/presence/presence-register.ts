/**
 * Which node has which user, kept where all nodes see it. A call that fails may have been done all the same, and doing it again is right.
 * Nodes have names that are used once.
 */
export interface PresenceRegister {
  /** A new node, without users. */
  join(node: string, lifeMs: number): Promise<void>;
  /** `registered: false`: the node is not registered any more. `expired`: others whose time is over. */
  heartbeat(node: string, lifeMs: number): Promise<{ registered: boolean; expired: string[] }>;
  /** @returns who was not online anywhere before; undefined: the node is not registered any more, and nobody was added */
  add(node: string, userIds: readonly number[]): Promise<number[] | undefined>;
  /** @returns who is not online anywhere now */
  remove(node: string, userIds: readonly number[]): Promise<number[]>;
  /** Takes a slice of users off a node whose time is over, or that leaves by itself (`own`). */
  reap(node: string, own: boolean): Promise<{ more: boolean; gone: number[] }>;
  /** Looks through a part of those online, where rows of theirs may vanish one by one. `next` is "0" at the end. */
  sweep?(node: string, cursor: string): Promise<{ next: string; total: number; gone: number[] }>;
  /** How many users are online. */
  count(): Promise<number>;
  /**
   * Who of these is online at other nodes, or at any. `registered`: the asking node is known there, so nothing was lost. `uncertain`: what is kept contradicts itself.
   */
  find(
    node: string,
    userIds: readonly number[],
    withinMs: number,
  ): Promise<{ registered: boolean; online: ReadonlySet<number>; uncertain: ReadonlySet<number> }>;
}

/** How many users one call treats at most: below 0.5 ms of Redis' time. */
export const sliceSize = 100;
