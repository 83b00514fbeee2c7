/**
 * The Redis side of the cache protocol: one entry, and what each Lua script does to it. All models share this file, so that a
 * rule is written once. Time to live, sizes and encodings are left out; an entry may vanish at any moment instead.
 */
export interface Entry {
  /** The life of Redis and PostgreSQL that the entry belongs to; in another epoch it counts as missing. */
  readonly epoch: number;
  /** Version of the body. */
  readonly ver: number;
  /** Highest version that may have been committed, as far as Redis was told. */
  readonly pend: number;
  /** Who may fill; 0 for nobody. */
  readonly token: number;
  /** What a reader would be shown: one letter per change, in order. Undefined in an entry that only carries a lease. */
  readonly body: string | undefined;
}

/** An entry that may be shown to a reader as it is. */
export type Servable = Entry & { readonly body: string };

/** A key of Redis: undefined when there is no entry. */
export type Slot = Entry | undefined;

/** What a committed transaction adds: the changes that lead from version `prev` to version `n`. */
export interface Change {
  readonly prev: number;
  readonly n: number;
  readonly delta: string;
}

/** A complete value, as one snapshot of PostgreSQL shows it. */
export interface Value {
  readonly ver: number;
  readonly body: string;
}

/** The scripts; a mutant replaces one of them. */
export interface Scripts {
  servable(slot: Slot, epoch: number): slot is Servable;
  mark(slot: Slot, epoch: number, n: number): Slot;
  lease(slot: Slot, epoch: number, token: number): Slot;
  release(slot: Slot, token: number): Slot;
  fill(slot: Slot, lease: { readonly epoch: number; readonly token: number }, value: Value): Slot;
  post(slot: Slot, epoch: number, change: Change): Slot;
  compact(slot: Slot, epoch: number, value: Value): Slot;
}

export const scripts: Scripts = {
  servable: (slot, epoch): slot is Servable =>
    slot !== undefined && slot.epoch === epoch && slot.body !== undefined && slot.ver === slot.pend,

  /** MARK, and KILL: the same script. Version `n` may be committed from now on, and whoever leased before must not fill. */
  mark(slot, epoch, n) {
    if (slot === undefined || slot.epoch !== epoch) return undefined;
    return { ...slot, pend: Math.max(slot.pend, n), token: 0 };
  },

  /** LEASE, granted; that a lease is refused while another runs is left to the models. An entry of another epoch loses its body. */
  lease(slot, epoch, token) {
    if (slot === undefined || slot.epoch !== epoch) return { epoch, ver: 0, pend: 0, token, body: undefined };
    return { ...slot, token };
  },

  /** RELEASE: gives back a lease that will not be used, so that the next reader need not wait for its end. */
  release: (slot, token) => (slot?.token === token ? { ...slot, token: 0 } : slot),

  /** FILL: only with the token of the last lease, in the epoch of that lease. The one script that may lower `pend`. */
  fill(slot, lease, { ver, body }) {
    if (slot === undefined || slot.epoch !== lease.epoch || slot.token !== lease.token) return slot;
    return { epoch: slot.epoch, ver, pend: ver, token: 0, body };
  },

  /** POST: appends a change to exactly the version that it follows, and never makes an entry. */
  post(slot, epoch, { prev, n, delta }) {
    if (slot === undefined || slot.epoch !== epoch || slot.body === undefined || slot.ver !== prev) return slot;
    const pend = Math.max(slot.pend, n);
    // Clean, so a lease ends: its holder must not replace what is newer.
    return { ...slot, ver: n, pend, token: n === pend ? 0 : slot.token, body: slot.body + delta };
  },

  /** COMPACT: the same version again in less space, if it still is that version. */
  compact(slot, epoch, { ver, body }) {
    if (!scripts.servable(slot, epoch) || slot.ver !== ver) return slot;
    return { ...slot, token: 0, body };
  },
};

/** Versions are named by letters: the change that leads to version 1 is "a". */
export function letter(ver: number): string {
  return String.fromCharCode(96 + ver);
}

/** The body that version `ver` has while no version was ever given out twice. */
export function bodyOf(ver: number): string {
  return "abcdefghijklmnopqrstuvwxyz".slice(0, ver);
}
