import type { LookUpPresence } from "../accounts/user-view.ts";

/** A user came to the first device anywhere, or has left the last one. */
export interface PresenceChange {
  userId: number;
  online: boolean;
  /** Nobody saw the user leave: the node that knew is dead. */
  nodeDied?: true;
}

/**
 * Who is connected, on all nodes together. It is told of this node's users and asked about anybody's.
 * Guarantees: a user with a socket on this node is online at once, whatever else fails; nobody is called offline without knowledge;
 * a user who leaves is told as gone after a grace, and until then may be called either. No call throws or waits longer than the
 * deadline of one question.
 */
export interface Presence extends AsyncDisposable {
  /** The user has a first socket on this node. */
  userConnected(userId: number): void;
  /** The user's last socket on this node is closed. */
  userDisconnected(userId: number): void;
  /** A socket of the user answered a ping. */
  userActive(userId: number): void;
  lookup: LookUpPresence;
  /** Rises whenever what `lookup` tells may have changed because of this node's users. */
  changes(): number;
  /** For how long an answer may be believed while neither `changes` nor the counter in Redis moves, in ms. */
  readonly maxAgeMs: number;
  /** How many users are connected; those of this node only, while more cannot be known. */
  count(): Promise<number>;
  /** Told at least once somewhere of every change, unless the node that should tell dies or stops first. */
  onChange(listener: (change: PresenceChange) => void): void;
}
