import type { IsOnline } from "../accounts/user-view.ts";
import { every, type PeriodicTask } from "../platform/periodic-task.ts";
import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { createGrace, type Grace } from "./grace.ts";
import { onlineKeys, sliceSize, type OnlineKeys } from "./online-keys.ts";
import type { Presence, PresenceChange } from "./presence.ts";
import { Registration } from "./registration.ts";

/** All in ms. */
export interface PresenceTimes {
  /** Before a user who left is taken off. */
  graceMs: number;
  /** A node says so often that it lives, and is dead after this silence. */
  beatMs: number;
  lifeMs: number;
  /** In this time every user is written again, and everybody online is looked through. */
  refreshMs: number;
  /** A pong writes its user again if the last time was so long ago. */
  heardMs: number;
  /** After Redis lost its data: time for all nodes to register, in which whoever is not found is unknown. */
  settleMs: number;
  /** Deadline of a look-up, and of everything in the background. */
  lookupMs: number;
  callMs: number;
}

const usual: PresenceTimes = {
  graceMs: 5_000,
  beatMs: 2_000,
  lifeMs: 8_000,
  refreshMs: 30_000,
  heardMs: 20_000,
  settleMs: 5_000,
  lookupMs: 10,
  callMs: 250,
};

/** Parts in which the work of one refresh is done. */
const ticks = 30;
/** How long taking the users off may hold up a stop, in ms. */
const leaveMs = 2_000;

export interface RedisPresenceOptions {
  redis: Redis;
  /** A name that no node has had before. */
  newNode: () => string;
  failure: (error: unknown) => void;
  times?: Partial<PresenceTimes>;
}

const unknown: IsOnline = () => undefined;

/** Presence of many nodes, by way of Redis. While it is away only this node's own users are known. */
export class RedisPresence implements Presence {
  readonly #redis: Redis;
  readonly #times: PresenceTimes;
  readonly #keys: OnlineKeys;
  readonly #grace: Grace;
  readonly #registration: Registration;
  readonly #here = new Set<number>();
  readonly #listeners: ((change: PresenceChange) => void)[] = [];
  readonly #loops: PeriodicTask[];
  readonly #failure: (error: unknown) => void;
  /** The Redis that has our data. */
  #identity: string | undefined;
  #settledAt = Number.NEGATIVE_INFINITY;
  #sweep = { cursor: "0", total: 0, nextAt: 0 };

  constructor({ redis, newNode, failure, times }: RedisPresenceOptions) {
    this.#redis = redis;
    this.#times = { ...usual, ...times };
    this.#keys = onlineKeys(redis, this.#times.callMs);
    // That Redis is away is told by the one who connects to it.
    this.#failure = (error) => {
      if (!(error instanceof RedisUnavailable) || error.reason === "error") failure(error);
    };
    this.#registration = new Registration({
      keys: this.#keys,
      usable: () => redis.usable,
      newNode,
      now: () => performance.now(),
      times: this.#times,
      tell: (userId, online) => this.#tell({ userId, online }),
      onLost: () => this.#settle(),
      failure: this.#failure,
    });
    this.#grace = createGrace(this.#times.graceMs, (userId) => this.#registration.remove(userId));
    this.#loops = [
      every(this.#times.beatMs, () => this.#beat(), this.#failure),
      every(this.#times.refreshMs / ticks, () => this.#refresh(), this.#failure),
    ];
    redis.onUsable((usable) => this.#onUsable(usable));
    if (redis.usable) this.#onUsable(true);
  }

  came(userId: number): void {
    this.#here.add(userId);
    if (!this.#grace.back(userId)) this.#registration.add(userId);
  }

  went(userId: number): void {
    this.#here.delete(userId);
    this.#grace.leave(userId);
  }

  heard(userId: number): void {
    this.#registration.heard(userId);
  }

  async lookup(userIds: readonly number[]): Promise<IsOnline> {
    const others = userIds.filter((userId) => !this.#here.has(userId));
    const elsewhere = others.length === 0 ? unknown : await this.#find(others);
    return (userId) => this.#here.has(userId) || elsewhere(userId);
  }

  async count(): Promise<number> {
    if (!this.#redis.usable) return this.#here.size;
    return this.#keys.count().catch(() => this.#here.size);
  }

  onChange(listener: (change: PresenceChange) => void): void {
    this.#listeners.push(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#grace[Symbol.dispose]();
    await Promise.all(this.#loops.map((loop) => loop[Symbol.asyncDispose]()));
    await this.#registration.leave(leaveMs).catch(this.#failure);
  }

  #onUsable(usable: boolean): void {
    if (!usable) return this.#registration.away();
    const { identity } = this.#redis;
    const isSame = identity === this.#identity;
    if (!isSame && this.#identity !== undefined) this.#settle();
    this.#identity = identity;
    this.#registration.renew(isSame);
  }

  #settle(): void {
    this.#settledAt = performance.now() + this.#times.settleMs;
  }

  /** That somebody is not found means offline only while Redis knows this node and had time to hear of the others. */
  async #find(userIds: readonly number[]): Promise<IsOnline> {
    const { node } = this.#registration;
    if (node === undefined || !this.#redis.usable) return unknown;
    try {
      const { registered, found, doubtful } = await this.#keys.find(node, userIds, this.#times.lookupMs);
      if (!registered) this.#registration.lost(node);
      const isSure = registered && this.#registration.isFresh && performance.now() >= this.#settledAt;
      const offline = new Set(isSure ? userIds.filter((userId) => !doubtful.has(userId)) : []);
      return (userId) => found.has(userId) || (offline.has(userId) ? false : undefined);
    } catch (error) {
      this.#failure(error);
      return unknown;
    }
  }

  async #beat(): Promise<void> {
    const until = performance.now() + this.#times.beatMs;
    for (const node of await this.#registration.beat()) {
      for (let more = true; more && performance.now() < until;) more = await this.#reap(node);
    }
  }

  async #reap(node: string): Promise<boolean> {
    const { more, gone } = await this.#keys.reap(node, false);
    for (const userId of gone) this.#tellGone({ userId, online: false, unseen: true });
    return more;
  }

  async #refresh(): Promise<void> {
    this.#registration.refresh(1 / ticks);
    const { node } = this.#registration;
    if (node === undefined || !this.#redis.usable) return;
    const slices = Math.ceil(this.#sweep.total / sliceSize / ticks);
    for (let i = 0; i < Math.max(1, slices); i++) await this.#sweepSlice(node);
  }

  async #sweepSlice(node: string): Promise<void> {
    const { cursor, nextAt } = this.#sweep;
    if (cursor === "0" && performance.now() < nextAt) return;
    if (cursor === "0") this.#sweep.nextAt = performance.now() + this.#times.refreshMs;
    const { next, total, gone } = await this.#keys.sweep(node, cursor);
    this.#sweep = { ...this.#sweep, cursor: next, total };
    for (const userId of gone) this.#tellGone({ userId, online: false });
  }

  /** Not of a user who has just come here and is about to be written. */
  #tellGone(change: PresenceChange): void {
    if (!this.#registration.has(change.userId)) this.#tell(change);
  }

  #tell(change: PresenceChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
