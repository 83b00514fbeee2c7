import { sliceSize, type PresenceRegister } from "./presence-register.ts";

export interface RegistrationDeps {
  register: PresenceRegister;
  usable: () => boolean;
  /** A name that no node has had before. */
  newNode: () => string;
  /** Of a clock that nobody sets, in ms. */
  now: () => number;
  /** Until when Redis must hear of a node, how long a user's keys are left alone at least, and in which time all are written again. */
  timing: { lifeMs: number; minRewriteMs: number; refreshMs: number };
  notify: (userId: number, online: boolean) => void;
  /** Redis turned out not to know this node any more. */
  onForgotten: () => void;
  failure: (error: unknown) => void;
}

/**
 * Keeps Redis to what this node knows of its users, by one writer that goes on until both agree: whatever was evicted, flushed,
 * missed or reaped is written again. A node that Redis may have forgotten registers under a new name, so nothing that was sent
 * under the old one and comes late can do harm.
 */
export class Registration {
  readonly #deps: RegistrationDeps;
  /** Users whom Redis should have on this node. */
  readonly #wanted = new Set<number>();
  /** Users whom it has, or may have, and when they were written; the longest ago first. */
  readonly #written = new Map<number, number>();
  /** To be written, or taken off if not wanted. */
  #pending = new Set<number>();
  /** Came, and are told as online once Redis says that they were nowhere else. */
  readonly #unannounced = new Set<number>();
  /** Told as online, but others may have told since that they went: told again if Redis has them nowhere. */
  readonly #unconfirmed = new Set<number>();
  #node: string | undefined;
  /** The name before, until its users are taken off. */
  #previousNode: string | undefined;
  /** Names asked for, and the last of them that was got. */
  #wantedGeneration = 1;
  #generation = 0;
  #heartbeatAt = Number.NEGATIVE_INFINITY;
  #busy = false;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: RegistrationDeps) {
    this.#deps = deps;
  }

  /** The name under which the node is registered. */
  get node(): string | undefined {
    return this.#generation === this.#wantedGeneration ? this.#node : undefined;
  }

  /** Redis has heard of the node so lately that nobody can have taken its users off. */
  get isFresh(): boolean {
    return this.node !== undefined && this.#deps.now() - this.#heartbeatAt < this.#deps.timing.lifeMs;
  }

  has(userId: number): boolean {
    return this.#wanted.has(userId);
  }

  add(userId: number): void {
    this.#wanted.add(userId);
    if (!this.#deps.usable()) return this.#deps.notify(userId, true);
    this.#unannounced.add(userId);
    this.#pending.add(userId);
    this.flush();
  }

  remove(userId: number): void {
    this.#wanted.delete(userId);
    this.#unconfirmed.delete(userId);
    // When Redis is back the whole node registers anew, without this user.
    if (!this.#deps.usable()) return;
    this.#pending.add(userId);
    this.flush();
  }

  /** The user is certainly there: an occasion to write the keys again. */
  active(userId: number): void {
    const at = this.#written.get(userId);
    if (at === undefined || this.#deps.now() - at < this.#deps.timing.minRewriteMs) return;
    this.#pending.add(userId);
    if (this.#pending.size >= sliceSize) this.flush();
  }

  /** Writes those again that were not for the longest time. @param share of all users */
  refresh(share: number): void {
    let left = Math.ceil(this.#written.size * share);
    const recent = this.#deps.now() - this.#deps.timing.refreshMs / 2;
    for (const [userId, at] of this.#written) {
      if (left === 0 || at > recent) break;
      this.#pending.add(userId);
      left -= 1;
    }
    this.flush();
  }

  /** Tells Redis that the node lives. @returns other nodes that are silent */
  async heartbeat(): Promise<string[]> {
    const { node } = this;
    if (node === undefined || !this.#deps.usable()) {
      this.flush();
      return [];
    }
    const sentAt = this.#deps.now();
    const { registered, expired } = await this.#deps.register.heartbeat(node, this.#deps.timing.lifeMs);
    if (registered) this.#heartbeatAt = sentAt;
    else this.forgotten(node);
    return expired;
  }

  /** Redis does not know a name of this node any more: it lost its data, or others took the node for dead. */
  forgotten(node: string): void {
    if (node !== this.node) return;
    this.#deps.onForgotten();
    this.reregister(true);
  }

  /** Registers anew. @param mayBeOffline others may have told that this node's users went */
  reregister(mayBeOffline: boolean): void {
    this.#wantedGeneration += 1;
    for (const userId of mayBeOffline ? this.#written.keys() : []) {
      if (this.#wanted.has(userId)) this.#unconfirmed.add(userId);
    }
    this.flush();
  }

  /** Redis is away: whoever connected just now is online all the same. */
  redisUnusable(): void {
    const waiting = [...this.#unannounced];
    this.#unannounced.clear();
    for (const userId of waiting) if (this.#wanted.has(userId)) this.#deps.notify(userId, true);
  }

  /** Goes on with what is to be done. Without Redis nothing is; the next call goes on. */
  flush(): void {
    if (!this.#busy && !this.#stopped) this.#running = this.#run();
  }

  /** Takes all users off and the node with them, for good. @param withinMs what is left then is for other nodes to do */
  async leave(withinMs: number): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const until = this.#deps.now() + withinMs;
    for (const node of [this.#previousNode, this.#node]) {
      let more = node !== undefined && this.#deps.usable();
      while (node !== undefined && more && this.#deps.now() < until)
        ({ more } = await this.#deps.register.reap(node, true));
    }
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      while (!this.#stopped && this.#deps.usable()) {
        const { node } = this;
        if (node === undefined) await this.#join();
        else if (this.#pending.size > 0) await this.#write(node);
        else if (this.#previousNode !== undefined) await this.#retire(this.#previousNode);
        else break;
      }
    } catch (error) {
      this.#deps.failure(error);
    } finally {
      this.#busy = false;
    }
  }

  async #join(): Promise<void> {
    const [generation, node, sentAt] = [this.#wantedGeneration, this.#deps.newNode(), this.#deps.now()];
    await this.#deps.register.join(node, this.#deps.timing.lifeMs);
    this.#previousNode = this.#node;
    this.#node = node;
    this.#generation = generation;
    this.#heartbeatAt = sentAt;
    this.#written.clear();
    this.#pending = new Set(this.#wanted);
  }

  async #write(node: string): Promise<void> {
    const slice = this.#nextSlice();
    const [adds, removes] = [slice.filter((id) => this.#wanted.has(id)), slice.filter((id) => !this.#wanted.has(id))];
    try {
      const calls = [
        adds.length === 0 ? Promise.resolve([]) : this.#deps.register.add(node, adds),
        removes.length === 0 ? Promise.resolve([]) : this.#deps.register.remove(node, removes),
      ] as const;
      // What fails does not overtake the other.
      await Promise.allSettled(calls);
      const [connected, gone] = await Promise.all(calls);
      this.#removed(removes, gone);
      if (connected !== undefined) return this.#added(adds, connected);
      for (const userId of adds) this.#pending.add(userId);
      this.forgotten(node);
    } catch (error) {
      for (const userId of slice) this.#pending.add(userId);
      // It may have been done all the same, and the next time nobody is new.
      for (const userId of adds) {
        this.#written.set(userId, this.#deps.now());
        if (this.#takeUnannounced(userId)) this.#deps.notify(userId, true);
      }
      throw error;
    }
  }

  #nextSlice(): number[] {
    const slice: number[] = [];
    for (const userId of this.#pending) {
      slice.push(userId);
      this.#pending.delete(userId);
      if (slice.length === sliceSize) break;
    }
    return slice;
  }

  #added(userIds: readonly number[], connected: readonly number[]): void {
    const now = this.#deps.now();
    const nowhere = new Set(connected);
    for (const userId of userIds) {
      // The last one written goes to the end.
      this.#written.delete(userId);
      this.#written.set(userId, now);
      if (this.#takeUnannounced(userId) && nowhere.has(userId)) this.#deps.notify(userId, true);
    }
  }

  /** Others do not know yet, or no more, that the user is here. They are told of it once. */
  #takeUnannounced(userId: number): boolean {
    return [this.#unannounced.delete(userId), this.#unconfirmed.delete(userId)].includes(true);
  }

  /** Whoever has come back meanwhile, or was not yet told as online, is told as neither. */
  #removed(userIds: readonly number[], gone: readonly number[]): void {
    for (const userId of userIds) this.#written.delete(userId);
    for (const userId of gone) {
      if (!this.#unannounced.delete(userId) && !this.#wanted.has(userId)) this.#deps.notify(userId, false);
    }
  }

  async #retire(node: string): Promise<void> {
    const { more, gone } = await this.#deps.register.reap(node, true);
    if (!more) this.#previousNode = undefined;
    for (const userId of gone) if (!this.#wanted.has(userId)) this.#deps.notify(userId, false);
  }
}
