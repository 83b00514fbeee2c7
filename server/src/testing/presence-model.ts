/** Redis' presence keys as plain maps, and what each script should do to them. Empty sets are left out, as Redis does. */
export class PresenceModel {
  /** node → whether it is heard of in time */
  nodes = new Map<string, boolean>();
  usersOf = new Map<string, Set<number>>();
  nodesOf = new Map<number, Set<string>>();
  flags = new Set<number>();
  users = new Set<number>();

  join(node: string): void {
    this.nodes.set(node, true);
  }

  beat(node: string): { alive: boolean; silent: string[] } {
    const silent = [...this.nodes].filter(([name, alive]) => !alive && name !== node).map(([name]) => name);
    return { alive: this.#isAlive(node), silent };
  }

  add(node: string, userIds: readonly number[]): number[] | undefined {
    if (!this.#isAlive(node)) return undefined;
    const came = userIds.filter((userId) => !this.users.has(userId));
    for (const userId of userIds) {
      put(this.nodesOf, userId, node);
      put(this.usersOf, node, userId);
      this.flags.add(userId);
      this.users.add(userId);
    }
    return came;
  }

  remove(node: string, userIds: readonly number[]): number[] {
    for (const userId of userIds) take(this.usersOf, node, userId);
    return userIds.filter((userId) => this.#release(userId, node));
  }

  reap(node: string, own: boolean): { more: boolean; gone: number[] } {
    if (own && this.nodes.has(node)) this.nodes.set(node, false);
    if (!own && this.#isAlive(node)) return { more: false, gone: [] };
    const userIds = [...(this.usersOf.get(node) ?? [])];
    this.usersOf.delete(node);
    const gone = userIds.filter((userId) => this.#release(userId, node));
    this.nodes.delete(node);
    return { more: false, gone };
  }

  sweep(): { next: string; total: number; gone: number[] } {
    const lost = [...this.users].filter((userId) => !this.flags.has(userId));
    const gone = lost.filter((userId) => !this.#isHeld(userId));
    for (const userId of lost) if (!gone.includes(userId)) this.flags.add(userId);
    for (const userId of gone) this.users.delete(userId);
    return { next: "0", total: this.users.size, gone };
  }

  #isAlive(node: string): boolean {
    return this.nodes.get(node) === true;
  }

  #isHeld(userId: number): boolean {
    for (const node of this.nodesOf.get(userId) ?? []) if (!this.#isAlive(node)) take(this.nodesOf, userId, node);
    return this.nodesOf.has(userId);
  }

  #release(userId: number, node: string): boolean {
    take(this.nodesOf, userId, node);
    if (this.#isHeld(userId)) return false;
    this.flags.delete(userId);
    this.users.delete(userId);
    return true;
  }
}

function put<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  map.set(key, (map.get(key) ?? new Set()).add(value));
}

function take<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  map.get(key)?.delete(value);
  if (map.get(key)?.size === 0) map.delete(key);
}
