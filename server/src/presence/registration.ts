import { sliceSize, type OnlineKeys } from "./online-keys.ts";

export interface RegistrationDeps {
  keys: OnlineKeys;
  usable: () => boolean;
  /** A name that no node has had before. */
  newNode: () => string;
  /** Of a clock that nobody sets, in ms. */
  now: () => number;
  /** Until when Redis must hear of a node, how long a user's keys are left alone at least, and in which time all are written again. */
  times: { lifeMs: number; heardMs: number; refreshMs: number };
  tell: (userId: number, online: boolean) => void;
  /** Redis turned out not to know this node any more. */
  onLost: () => void;
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
  #due = new Set<number>();
  /** Came, and are told as online once Redis says that they were nowhere else. */
  readonly #untold = new Set<number>();
  /** Told as online, but others may have told since that they went: told again if Redis has them nowhere. */
  readonly #doubted = new Set<number>();
  #node: string | undefined;
  /** The name before, until its users are taken off. */
  #former: string | undefined;
  /** Names asked for, and the last of them that was got. */
  #asked = 1;
  #got = 0;
  #heardOf = Number.NEGATIVE_INFINITY;
  #busy = false;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: RegistrationDeps) {
    this.#deps = deps;
  }

  /** The name under which the node is registered. */
  get node(): string | undefined {
    return this.#got === this.#asked ? this.#node : undefined;
  }

  /** Redis has heard of the node so lately that nobody can have taken its users off. */
  get isFresh(): boolean {
    return this.node !== undefined && this.#deps.now() - this.#heardOf < this.#deps.times.lifeMs;
  }

  has(userId: number): boolean {
    return this.#wanted.has(userId);
  }

  add(userId: number): void {
    this.#wanted.add(userId);
    if (!this.#deps.usable()) return this.#deps.tell(userId, true);
    this.#untold.add(userId);
    this.#due.add(userId);
    this.work();
  }

  remove(userId: number): void {
    this.#wanted.delete(userId);
    this.#doubted.delete(userId);
    // When Redis is back the whole node registers anew, without this user.
    if (!this.#deps.usable()) return;
    this.#due.add(userId);
    this.work();
  }

  /** The user is certainly there: an occasion to write the keys again. */
  heard(userId: number): void {
    const at = this.#written.get(userId);
    if (at === undefined || this.#deps.now() - at < this.#deps.times.heardMs) return;
    this.#due.add(userId);
    if (this.#due.size >= sliceSize) this.work();
  }

  /** Writes those again that were not for the longest time. @param share of all users */
  refresh(share: number): void {
    let left = Math.ceil(this.#written.size * share);
    const recent = this.#deps.now() - this.#deps.times.refreshMs / 2;
    for (const [userId, at] of this.#written) {
      if (left === 0 || at > recent) break;
      this.#due.add(userId);
      left -= 1;
    }
    this.work();
  }

  /** Tells Redis that the node lives. @returns other nodes that are silent */
  async beat(): Promise<string[]> {
    const { node } = this;
    if (node === undefined || !this.#deps.usable()) {
      this.work();
      return [];
    }
    const sentAt = this.#deps.now();
    const { alive, silent } = await this.#deps.keys.beat(node, this.#deps.times.lifeMs);
    if (alive) this.#heardOf = sentAt;
    else this.lost(node);
    return silent;
  }

  /** Redis does not know a name of this node any more: it lost its data, or others took the node for dead. */
  lost(node: string): void {
    if (node !== this.node) return;
    this.#deps.onLost();
    this.renew(true);
  }

  /** Registers anew. @param mayBeTold others may have told that this node's users went */
  renew(mayBeTold: boolean): void {
    this.#asked += 1;
    for (const userId of mayBeTold ? this.#written.keys() : []) {
      if (this.#wanted.has(userId)) this.#doubted.add(userId);
    }
    this.work();
  }

  /** Redis is away: whoever came just now is online all the same. */
  away(): void {
    const waiting = [...this.#untold];
    this.#untold.clear();
    for (const userId of waiting) if (this.#wanted.has(userId)) this.#deps.tell(userId, true);
  }

  /** Goes on with what is to be done. Without Redis nothing is; the next call goes on. */
  work(): void {
    if (!this.#busy && !this.#stopped) this.#running = this.#run();
  }

  /** Takes all users off and the node with them, for good. @param withinMs what is left then is for other nodes to do */
  async leave(withinMs: number): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const until = this.#deps.now() + withinMs;
    for (const node of [this.#former, this.#node]) {
      let more = node !== undefined && this.#deps.usable();
      while (node !== undefined && more && this.#deps.now() < until)
        ({ more } = await this.#deps.keys.reap(node, true));
    }
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      while (!this.#stopped && this.#deps.usable()) {
        const { node } = this;
        if (node === undefined) await this.#join();
        else if (this.#due.size > 0) await this.#write(node);
        else if (this.#former !== undefined) await this.#retire(this.#former);
        else break;
      }
    } catch (error) {
      this.#deps.failure(error);
    } finally {
      this.#busy = false;
    }
  }

  async #join(): Promise<void> {
    const [wish, node, sentAt] = [this.#asked, this.#deps.newNode(), this.#deps.now()];
    await this.#deps.keys.join(node, this.#deps.times.lifeMs);
    this.#former = this.#node;
    this.#node = node;
    this.#got = wish;
    this.#heardOf = sentAt;
    this.#written.clear();
    this.#due = new Set(this.#wanted);
  }

  async #write(node: string): Promise<void> {
    const slice = this.#take();
    const [adds, removes] = [slice.filter((id) => this.#wanted.has(id)), slice.filter((id) => !this.#wanted.has(id))];
    try {
      const calls = [
        adds.length === 0 ? Promise.resolve([]) : this.#deps.keys.add(node, adds),
        removes.length === 0 ? Promise.resolve([]) : this.#deps.keys.remove(node, removes),
      ] as const;
      // What fails does not overtake the other.
      await Promise.allSettled(calls);
      const [came, gone] = await Promise.all(calls);
      this.#taken(removes, gone);
      if (came !== undefined) return this.#added(adds, came);
      for (const userId of adds) this.#due.add(userId);
      this.lost(node);
    } catch (error) {
      for (const userId of slice) this.#due.add(userId);
      // It may have been done all the same, and the next time nobody is new.
      for (const userId of adds) {
        this.#written.set(userId, this.#deps.now());
        if (this.#isNews(userId)) this.#deps.tell(userId, true);
      }
      throw error;
    }
  }

  #take(): number[] {
    const slice: number[] = [];
    for (const userId of this.#due) {
      slice.push(userId);
      this.#due.delete(userId);
      if (slice.length === sliceSize) break;
    }
    return slice;
  }

  #added(userIds: readonly number[], came: readonly number[]): void {
    const now = this.#deps.now();
    const nowhere = new Set(came);
    for (const userId of userIds) {
      // The last one written goes to the end.
      this.#written.delete(userId);
      this.#written.set(userId, now);
      if (this.#isNews(userId) && nowhere.has(userId)) this.#deps.tell(userId, true);
    }
  }

  /** Others do not know yet, or no more, that the user is here. They are told of it once. */
  #isNews(userId: number): boolean {
    return [this.#untold.delete(userId), this.#doubted.delete(userId)].includes(true);
  }

  /** Whoever has come back meanwhile, or was not yet told as online, is told as neither. */
  #taken(userIds: readonly number[], gone: readonly number[]): void {
    for (const userId of userIds) this.#written.delete(userId);
    for (const userId of gone) {
      if (!this.#untold.delete(userId) && !this.#wanted.has(userId)) this.#deps.tell(userId, false);
    }
  }

  async #retire(node: string): Promise<void> {
    const { more, gone } = await this.#deps.keys.reap(node, true);
    if (!more) this.#former = undefined;
    for (const userId of gone) if (!this.#wanted.has(userId)) this.#deps.tell(userId, false);
  }
}
