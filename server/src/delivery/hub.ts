import type { Push, SessionEnd } from "./push.ts";

/** Why a socket is closed: its session is over for good, or it may come back with a fresh token. */
export type EndReason = "ended" | "expired";

/** A socket as the hub sees it. */
export interface HubSocket {
  readonly id: string;
  readonly userId: number;
  /** Catches up by cursor and follows its user's other devices. */
  readonly resuming: boolean;
  push(push: Push): void;
  /** Of its access token; undefined for a token of the old server. */
  readonly sessionId: number | undefined;
  /** When it was opened, in ms since 1970. */
  readonly openedAt: number;
  /**
   * When the access token ends that stood in its address or names no session, in ms since 1970. Addresses are logged on their way, so by then the
   * session must have been renewed, which shows that its owner is there. undefined: the socket lives as long as its session.
   */
  readonly tokenEndsAt: number | undefined;
  /** Asks the socket to go because its user has too many. */
  evict(): void;
  end(why: EndReason): void;
}

/** Who is connected to this node: user → sockets. A socket removes only itself. */
export interface Hub {
  add(socket: HubSocket): void;
  remove(socket: HubSocket): void;
  deliver(event: Push | SessionEnd): void;
  isOnline(userId: number): boolean;
  /** Every socket of this node. */
  all(): Iterable<HubSocket>;
  sockets(): number;
  /** Called on a user's first socket and after the last one, in that order per user. */
  onPresence(listener: (userId: number, online: boolean) => void): void;
}

/** Sockets of one user, oldest first. Those that were evicted are connected until they are closed, and do not count again. */
interface UserSockets {
  connected: Set<HubSocket>;
  staying: Set<HubSocket>;
}

/** @param options.maxSocketsPerUser above it the user's oldest sockets are evicted; 0 = no bound */
export function createHub(options: { maxSocketsPerUser: number }): Hub {
  const bound = options.maxSocketsPerUser === 0 ? Number.POSITIVE_INFINITY : options.maxSocketsPerUser;
  const users = new Map<number, UserSockets>();
  const listeners: ((userId: number, online: boolean) => void)[] = [];
  let count = 0;
  const tell = (userId: number, online: boolean): void => {
    for (const listener of listeners) listener(userId, online);
  };
  return {
    add(socket) {
      const known = users.get(socket.userId) ?? { connected: new Set(), staying: new Set() };
      users.set(socket.userId, known);
      known.connected.add(socket);
      known.staying.add(socket);
      count += 1;
      if (known.connected.size === 1) tell(socket.userId, true);
      for (const oldest of known.staying) {
        if (known.staying.size <= bound) break;
        known.staying.delete(oldest);
        oldest.evict();
      }
    },
    remove(socket) {
      const known = users.get(socket.userId);
      if (known === undefined || !known.connected.delete(socket)) return;
      known.staying.delete(socket);
      count -= 1;
      if (known.connected.size > 0) return;
      users.delete(socket.userId);
      tell(socket.userId, false);
    },
    deliver(event) {
      if ("ended" in event) return endSockets(users.get(event.userId)?.connected ?? [], event.ended);
      for (const userId of event.userIds) {
        for (const socket of users.get(userId)?.connected ?? []) {
          if (socket.id !== event.except && (event.to === "all" || socket.resuming)) socket.push(event);
        }
      }
    },
    isOnline: (userId) => users.has(userId),
    *all() {
      for (const { connected } of users.values()) yield* connected;
    },
    sockets: () => count,
    onPresence: (listener) => void listeners.push(listener),
  };
}

function endSockets(sockets: Iterable<HubSocket>, ended: SessionEnd["ended"]): void {
  for (const socket of sockets) {
    if (isOver(socket, ended)) socket.end("ended");
  }
}

function isOver({ sessionId }: HubSocket, ended: SessionEnd["ended"]): boolean {
  if ("sessionId" in ended) return sessionId === ended.sessionId;
  return ended.exceptSessionId === undefined || sessionId !== ended.exceptSessionId;
}
