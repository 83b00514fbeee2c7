import type { IsOnline } from "../accounts/user-view.ts";
import { every, type PeriodicTask } from "../platform/periodic-task.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { createGrace } from "./grace.ts";
import { sliceSize, type PresenceRegister } from "./presence-register.ts";
import type { Presence, PresenceChange } from "./presence.ts";
import { Registration } from "./registration.ts";

/** All in ms. */
export interface PresenceTiming {
  /** Before a user who left is taken off. */
  graceMs: number;
  /** A node says so often that it lives, and is dead after this silence. */
  heartbeatMs: number;
  lifeMs: number;
  /** In this time every user is written again, and everybody online is looked through. */
  refreshMs: number;
  /** A pong writes its user again if the last time was so long ago. */
  minRewriteMs: number;
  /** After the register lost its data: time for all nodes to register, in which whoever is not found is unknown. */
  registerMs: number;
  /** Deadline of a look-up. */
  lookupMs: number;
}

const defaultTiming: PresenceTiming = {
  graceMs: 5_000,
  heartbeatMs: 2_000,
  lifeMs: 8_000,
  refreshMs: 30_000,
  minRewriteMs: 20_000,
  registerMs: 5_000,
  lookupMs: 10,
};

/** Parts in which the work of one refresh is done. */
const ticks = 30;
/** How long taking the users off may hold up a stop, in ms. */
const leaveMs = 2_000;

export interface SharedPresenceOptions {
  register: PresenceRegister;
  /** Where the register lies. Default: nowhere that could be away for itself */
  place?: Pick<Redis, "usable" | "identity" | "onUsable">;
  /** A name that no node has had before. */
  newNode: () => string;
  failure: (error: unknown) => void;
  timing?: Partial<PresenceTiming>;
}

const unknown: IsOnline = () => undefined;
const always = { usable: true, identity: "", onUsable: () => undefined };

/** Presence of many nodes, by way of what all of them see. While that is away only this node's own users are known. */
export class SharedPresence implements Presence {
  readonly #place: Pick<Redis, "usable" | "identity">;
  readonly #timing: PresenceTiming;
  readonly #register: PresenceRegister;
  readonly #grace: ReturnType<typeof createGrace>;
  readonly #registration: Registration;
  readonly #local = new Set<number>();
  #changes = 0;
  /** Keys in Redis end by themselves, PostgreSQL has no counter, and what this node knows of the others begins anew with each connection. */
  readonly maxAgeMs = 1_000;
  readonly #listeners: ((change: PresenceChange) => void)[] = [];
  readonly #loops: PeriodicTask[];
  readonly #failure: (error: unknown) => void;
  /** The Redis that has our data. */
  #identity: string | undefined;
  #completeAt = Number.NEGATIVE_INFINITY;
  #sweep = { cursor: "0", total: 0, nextAt: 0 };

  constructor({ register, place = always, newNode, failure, timing }: SharedPresenceOptions) {
    this.#place = place;
    this.#timing = { ...defaultTiming, ...timing };
    this.#register = register;
    // That Redis or PostgreSQL is away is told by the one who connects to it.
    this.#failure = (error) => {
      const isAway =
        error instanceof RedisUnavailable ? error.reason !== "error" : error instanceof DatabaseUnavailable;
      if (!isAway) failure(error);
    };
    this.#registration = new Registration({
      register,
      usable: () => place.usable,
      newNode,
      now: () => performance.now(),
      timing: this.#timing,
      notify: (userId, online) => this.#notify({ userId, online }),
      onForgotten: () => this.#awaitRegistrations(),
      failure: this.#failure,
    });
    this.#grace = createGrace(this.#timing.graceMs, (userId) => this.#registration.remove(userId));
    this.#loops = [
      every(this.#timing.heartbeatMs, () => this.#heartbeat(), this.#failure),
      every(this.#timing.refreshMs / ticks, () => this.#refresh(), this.#failure),
    ];
    place.onUsable((usable) => this.#onUsable(usable));
    if (place.usable) this.#onUsable(true);
  }

  userConnected(userId: number): void {
    this.#local.add(userId);
    this.#changes += 1;
    if (!this.#grace.cancel(userId)) this.#registration.add(userId);
  }

  userDisconnected(userId: number): void {
    this.#local.delete(userId);
    this.#changes += 1;
    this.#grace.start(userId);
  }

  userActive(userId: number): void {
    this.#registration.active(userId);
  }

  async lookup(userIds: readonly number[]): Promise<IsOnline> {
    const others = userIds.filter((userId) => !this.#local.has(userId));
    const elsewhere = others.length === 0 ? unknown : await this.#find(others);
    return (userId) => this.#local.has(userId) || elsewhere(userId);
  }

  changes(): number {
    return this.#changes;
  }

  async count(): Promise<number> {
    if (!this.#place.usable) return this.#local.size;
    return this.#register.count().catch(() => this.#local.size);
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
    if (!usable) return this.#registration.redisUnusable();
    const { identity } = this.#place;
    const isSame = identity === this.#identity;
    if (!isSame && this.#identity !== undefined) this.#awaitRegistrations();
    this.#identity = identity;
    this.#registration.reregister(isSame);
  }

  #awaitRegistrations(): void {
    this.#completeAt = performance.now() + this.#timing.registerMs;
  }

  /** That somebody is not found means offline only while the register knows this node and had time to hear of the others. */
  async #find(userIds: readonly number[]): Promise<IsOnline> {
    const { node } = this.#registration;
    if (node === undefined || !this.#place.usable) return unknown;
    try {
      const { registered, online, uncertain } = await this.#register.find(node, userIds, this.#timing.lookupMs);
      if (!registered) this.#registration.forgotten(node);
      const isSure = registered && this.#registration.isFresh && performance.now() >= this.#completeAt;
      const offline = new Set(isSure ? userIds.filter((userId) => !uncertain.has(userId)) : []);
      return (userId) => online.has(userId) || (offline.has(userId) ? false : undefined);
    } catch (error) {
      this.#failure(error);
      return unknown;
    }
  }

  async #heartbeat(): Promise<void> {
    const until = performance.now() + this.#timing.heartbeatMs;
    for (const node of await this.#registration.heartbeat()) {
      for (let more = true; more && performance.now() < until;) more = await this.#reap(node);
    }
  }

  async #reap(node: string): Promise<boolean> {
    const { more, gone } = await this.#register.reap(node, false);
    for (const userId of gone) this.#notifyOffline({ userId, online: false, nodeDied: true });
    return more;
  }

  /** Writes and looks again where what was written may vanish; else goes on with what could not be written. */
  async #refresh(): Promise<void> {
    if (this.#register.sweep === undefined) return this.#registration.flush();
    this.#registration.refresh(1 / ticks);
    const { node } = this.#registration;
    if (node === undefined || !this.#place.usable) return;
    const slices = Math.ceil(this.#sweep.total / sliceSize / ticks);
    for (let i = 0; i < Math.max(1, slices); i++) await this.#sweepSlice(node);
  }

  async #sweepSlice(node: string): Promise<void> {
    const { cursor, nextAt } = this.#sweep;
    if (cursor === "0" && performance.now() < nextAt) return;
    if (cursor === "0") this.#sweep.nextAt = performance.now() + this.#timing.refreshMs;
    const swept = await this.#register.sweep?.(node, cursor);
    if (swept === undefined) return;
    const { next, total, gone } = swept;
    this.#sweep = { ...this.#sweep, cursor: next, total };
    for (const userId of gone) this.#notifyOffline({ userId, online: false });
  }

  /** Not of a user who has just come here and is about to be written. */
  #notifyOffline(change: PresenceChange): void {
    if (!this.#registration.has(change.userId)) this.#notify(change);
  }

  #notify(change: PresenceChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
