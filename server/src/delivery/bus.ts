import type { Push } from "./push.ts";

/**
 * Carries pushes from the node where something happened to every node that holds a socket of the user.
 * Guarantees: pushes given in one call arrive in that order; each arrives at most once per node; `publish` neither waits nor throws.
 * A push may be lost when a node or the carrier dies, and pushes of different nodes may arrive in any order: receivers go by the
 * versions that the frames carry.
 */
export interface Bus {
  publish(pushes: readonly Push[]): void;
  /** The one receiver of this node. */
  subscribe(receive: (push: Push) => void): void;
}
