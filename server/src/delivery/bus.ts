import type { Push, SessionEnd } from "./push.ts";

/**
 * Carries events from the node where something happened to every node that holds a socket of the users.
 * Guarantees: events given in one call arrive in that order; each arrives at most once per node; `publish` neither waits nor throws.
 * An event may be lost when a node or the carrier dies, and events of different nodes may arrive in any order: receivers go by the
 * versions that the frames carry.
 */
export interface Bus {
  publish(events: readonly (Push | SessionEnd)[]): void;
  /** The one receiver of this node. `onGap`: events of others may have been lost until now. */
  subscribe(receive: (event: Push | SessionEnd) => void, onGap?: () => void): void;
}
