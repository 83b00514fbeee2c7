import type { Push, SessionEnd } from "./push.ts";

/** Why a socket is closed: its session is over for good, or it may come back, with a fresh token or to be told anew. */
export type EndReason = "ended" | "expired" | "restart";

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

/** Sockets of one user, oldest first. The first `evicted` of them were asked to go; they are connected until they are closed. */
interface UserSockets {
  connected: HubSocket[];
  evicted: number;
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
      count += 1;
      const known = users.get(socket.userId);
      if (known === undefined) {
        users.set(socket.userId, { connected: [socket], evicted: 0 });
        return tell(socket.userId, true);
      }
      known.connected.push(socket);
      while (known.connected.length - known.evicted > bound) {
        known.evicted += 1;
        known.connected[known.evicted - 1]?.evict();
      }
    },
    remove(socket) {
      const known = users.get(socket.userId);
      const at = known?.connected.indexOf(socket) ?? -1;
      if (known === undefined || at === -1) return;
      known.connected.splice(at, 1);
      if (at < known.evicted) known.evicted -= 1;
      count -= 1;
      if (known.connected.length > 0) return;
      users.delete(socket.userId);
      tell(socket.userId, false);
    },
    deliver(event) {
      if ("ended" in event) return endSockets(users.get(event.userId)?.connected ?? [], event.ended);
      for (const userId of event.userIds) {
        for (const socket of users.get(userId)?.connected ?? []) if (isFor(event, socket)) socket.push(event);
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

function isFor({ except, to, openedBefore }: Push, socket: HubSocket): boolean {
  if (socket.id === except || (to === "resuming" && !socket.resuming)) return false;
  return openedBefore === undefined || socket.openedAt < openedBefore;
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
