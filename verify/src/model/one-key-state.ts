import { scripts, type Scripts, type Slot, type Value } from "./entry.ts";
import { keyOf } from "./explore.ts";

/**
 * One cached object: writers that mark, commit and post, readers that lease, probe and fill or release, a relay for commits without a mark,
 * and a network between them and Redis that delays, reorders and loses.
 *
 * - The lock lets one writer at a time through, so there is one place for a writer; aborts are unlimited, commits are counted.
 * - What a node sends once its part is done (POST, FILL, RELEASE) is on its way at once. Redis may execute it at any later time, or
 *   never: that also covers a node that sends late, stalls, or dies before it sends.
 * - A lease may be taken over at any time: that is what its expiry amounts to, on any clock.
 * - A reader starts over when it is done, and entries vanish as often as they like.
 */
export interface Rules {
  /** MARK is sent with the lock held. */
  readonly lockBeforeMark: boolean;
  /** There is a MARK at all. */
  readonly mark: boolean;
  /** A commit without an answered MARK leaves a dirty row. */
  readonly dirtyRows: boolean;
  /** A reader with a lease fills only after it saw the lock free. */
  readonly probe: boolean;
  /** The probe comes before the snapshot. */
  readonly probeBeforeRead: boolean;
  /** Also with a lease taken to refresh an entry before it expires. */
  readonly probeRefresh: boolean;
  /** A reader that gives up gives its lease back. */
  readonly release: boolean;
  /** A dirty row is deleted only after Redis answered its KILL. */
  readonly killBeforeDelete: boolean;
  /** A lease can be taken over. */
  readonly leasesExpire: boolean;
  /** A decoded object in a node's memory (L1) is used only while the header in Redis names its version. */
  readonly compareHeader: boolean;
}

export interface OneKey {
  /** Commits at most. */
  readonly commits: number;
  readonly readers: number;
  /** Messages on the way at once, at most; what would be one more is lost. */
  readonly inFlight: number;
  /** What readers send arrives, at some time, and readers do not die. */
  readonly readersReliable: boolean;
  /** Commits without an answered MARK happen. */
  readonly degraded: boolean;
  /** A node keeps the decoded object. */
  readonly l1: boolean;
  /** Long bodies are compacted. */
  readonly compact: boolean;
  /** Drops what holds a token that the entry no longer has: FILL and RELEASE refuse it for ever. Off, to see that this hides nothing. */
  readonly forgetDeadTokens: boolean;
  readonly rules: Rules;
  readonly scripts: Scripts;
}

export const oneKey: OneKey = {
  commits: 2,
  readers: 2,
  inFlight: 3,
  readersReliable: false,
  degraded: false,
  l1: false,
  compact: false,
  forgetDeadTokens: true,
  rules: {
    lockBeforeMark: true,
    mark: true,
    dirtyRows: true,
    probe: true,
    probeBeforeRead: true,
    probeRefresh: true,
    release: true,
    killBeforeDelete: true,
    leasesExpire: true,
    compareHeader: true,
  },
  scripts,
};

/** A transaction: `n` is the version that it will commit. */
export interface Writer {
  readonly at: "begun" | "locked" | "marking" | "marked";
  readonly n: number;
  readonly holdsLock: boolean;
}

export type Reader =
  | { readonly at: "idle" | "refreshing" }
  | { readonly at: "leased" | "probed"; readonly token: number }
  | { readonly at: "read"; readonly token: number; readonly ver: number };

export type Message =
  | { readonly kind: "MARK"; readonly n: number; readonly awaited: boolean }
  | { readonly kind: "POST" | "KILL" | "COMPACT"; readonly n: number }
  | { readonly kind: "FILL"; readonly token: number; readonly ver: number }
  | { readonly kind: "RELEASE"; readonly token: number };

export interface DirtyRow {
  readonly n: number;
  readonly killed: boolean;
}

export interface State {
  /** The committed version; its content is `bodyOf(committed)`. */
  readonly committed: number;
  readonly writer: Writer | undefined;
  readonly slot: Slot;
  readonly readers: readonly Reader[];
  readonly net: readonly Message[];
  readonly dirty: readonly DirtyRow[];
  /** What a node remembers: a version and its content. */
  readonly l1: Value | undefined;
}

/** A reader that does nothing. */
export const idle: Reader = { at: "idle" };

/** Tokens are never given twice; in the model the smallest number that nobody holds will do, which keeps it finite. */
export function freshToken(state: State): number {
  let token = 1;
  while (state.slot?.token === token || isHeld(state, token)) token += 1;
  return token;
}

export function isHeld({ readers, net }: State, token: number): boolean {
  return (
    readers.some((reader) => "token" in reader && reader.token === token) ||
    net.some((message) => "token" in message && message.token === token)
  );
}

export function withoutDeadTokens(state: State): State {
  const { slot, readers, net } = state;
  const isDead = (token: number): boolean => token !== slot?.token;
  const dead = readers.some((reader) => "token" in reader && isDead(reader.token));
  if (!dead && !net.some((message) => "token" in message && isDead(message.token))) return state;
  return {
    ...state,
    readers: readers.map((reader) => ("token" in reader && isDead(reader.token) ? idle : reader)),
    net: net.filter((message) => !("token" in message && isDead(message.token))),
  };
}

/**
 * Readers are alike, the network has no order, and all tokens but the entry's are equally worthless: states that differ in nothing
 * else share a key.
 */
export function key(state: State): string {
  const live = (token: number): boolean => token === state.slot?.token;
  const readers = state.readers.map((reader) =>
    !("token" in reader)
      ? reader.at
      : `${reader.at}${live(reader.token) ? "!" : "?"}${reader.at === "read" ? reader.ver : ""}`,
  );
  const net = state.net.map((message) => {
    if (message.kind === "FILL") return `F${message.ver}${live(message.token) ? "!" : "?"}`;
    if (message.kind === "RELEASE") return `R${live(message.token) ? "!" : "?"}`;
    return `${message.kind}${message.n}${message.kind === "MARK" && message.awaited ? "!" : ""}`;
  });
  const slot = state.slot && { ...state.slot, token: state.slot.token !== 0 };
  return keyOf({ ...state, slot, readers: readers.sort(), net: net.sort() });
}
