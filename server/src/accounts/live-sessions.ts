import { LRUCache } from "lru-cache";
import type { HubSocket } from "../delivery/hub.ts";
import type { Caller, UseTicket, VerifyToken } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { createSharedCalls } from "../platform/shared-calls.ts";
import { accessTokenTtlSeconds, type AccessTokens } from "./access-token.ts";
import type { LiveSession, SessionRef, SessionStore } from "./session-store.ts";
import type { ReadTicket, Tickets } from "./tickets.ts";

/** A socket as far as its session goes. */
type SessionSocket = Pick<HubSocket, "userId" | "sessionId" | "openedAt" | "tokenEndsAt" | "end">;

interface Deps {
  tokens: AccessTokens;
  tickets: Pick<Tickets, "read">;
  sessions: Pick<SessionStore, "live" | "useTickets" | "recentEnds">;
  /** Sockets of this node. */
  sockets: () => Iterable<SessionSocket>;
  now: Clock;
  monotonic: Clock;
}

/** A session as the database said last; of a token of the old server, the account alone. */
interface Known extends LiveSession {
  isLive: boolean;
  /** Both of the monotonic clock. */
  checkedAt: number;
  usedAt: number;
}

/** For longer no access token is good that was seen here. */
const isInUse = ({ usedAt }: Known, time: number): boolean => usedAt > time - accessTokenTtlSeconds * 1000;
/** How old what the database said may become, in ms. */
const recheckMs = 60_000;
/** Sessions, or tickets, that may wait for one look at the database. */
const maxGathered = 50_000;

const keyOf = ({ userId, sessionId }: SessionRef): number => sessionId ?? -userId;

/**
 * Which sessions go on, as the database says: asked when a token is first seen here, at every connect of a socket, and each minute for whatever is in
 * use. The bus only makes the end of a session known sooner. So a session that has ended stays ended, whatever was restarted or lost.
 */
export function createLiveSessions(deps: Deps) {
  const { tokens, sockets, now, monotonic } = deps;
  const { known, isEnded, isDue, refuse, read, look } = createKnownSessions(deps);
  const verified = new LRUCache<string, { caller: Caller; endsAt: number; session: Known }>({ max: 20_000 });

  /** Whose token it is, if that was found out here before and still holds. */
  function knownCaller(token: string): Caller | undefined {
    const hit = verified.get(token);
    const time = monotonic();
    if (hit === undefined || !hit.session.isLive || hit.endsAt <= now() || !isInUse(hit.session, time))
      return undefined;
    hit.session.usedAt = time;
    return hit.caller;
  }

  const verify: VerifyToken = async (token, { isConnect = false } = {}) => {
    const hit = isConnect ? undefined : knownCaller(token);
    if (hit !== undefined) return hit;
    const claims = await tokens.read(token);
    if (claims === undefined || isEnded(claims)) return undefined;
    const { userId, sessionId, endsAt } = claims;
    if (isConnect || isDue(claims, monotonic() - recheckMs)) await look({ userId, sessionId });
    const session = known.get(keyOf(claims));
    if (session === undefined || session.userId !== userId) return undefined;
    session.usedAt = monotonic();
    const { email, role } = session;
    const caller: Caller = { userId, email, role, sessionId, tokenEndsAt: endsAt };
    // The token of a socket is seldom seen again, and it is long.
    if (!isConnect) verified.set(token, { caller, endsAt, session });
    return caller;
  };

  const isExpired = (socket: SessionSocket, at: number): boolean =>
    socket.tokenEndsAt !== undefined &&
    socket.tokenEndsAt <= at &&
    (known.peek(keyOf(socket))?.renewedAt ?? 0) <= socket.openedAt;

  /**
   * Asks the database about all that is in use and was not asked about for a minute, in one statement, and closes sockets whose session is over.
   * @param everything also what was asked about just now: news may have been missed
   * @param of nothing but what is of these users, whenever it was asked about
   */
  async function check(everything = false, of?: ReadonlySet<number>): Promise<void> {
    const [at, time] = [now(), monotonic()];
    const asked = new Map<number, SessionRef>();
    const add = (ref: SessionRef): void => void asked.set(keyOf(ref), { userId: ref.userId, sessionId: ref.sessionId });
    const isAsked = (one: SessionRef): boolean =>
      of === undefined ? everything || isDue(one, time) : of.has(one.userId);
    for (const session of known.values()) if (isInUse(session, time) && isAsked(session)) add(session);
    for (const socket of sockets()) if (isAsked(socket) || (of === undefined && isExpired(socket, at))) add(socket);
    if (asked.size === 0) return;
    const over = await read([...asked.values()]);
    for (const socket of sockets()) {
      if (over.has(keyOf(socket))) socket.end("ended");
      else if (asked.has(keyOf(socket)) && isExpired(socket, at)) socket.end("expired");
    }
  }

  let heard: ReadonlySet<number> = new Set();
  /** Looks whose sessions have ended, wherever that was done, and asks about those users. */
  async function hear(): Promise<void> {
    const ends = await deps.sessions.recentEnds();
    const news = ends.filter(({ id }) => !heard.has(id));
    if (news.length > 0) await check(false, new Set(news.map(({ user_id }) => user_id)));
    heard = new Set(ends.map(({ id }) => id));
  }

  return { knownCaller, verify, useTicket: createUseTicket(deps, isEnded), refuse, check, hear };
}
export type LiveSessions = ReturnType<typeof createLiveSessions>;

function createUseTicket({ tickets, sessions, now }: Deps, isEnded: (caller: Caller) => boolean): UseTicket {
  const useShared = createSharedCalls({
    most: maxGathered,
    call: (all: readonly ReadTicket[]) => sessions.useTickets(all, now()),
  });
  return (text) => {
    const ticket = tickets.read(text);
    if (ticket === undefined) return undefined;
    return async () => {
      const callers = await useShared(ticket);
      const caller = callers.get(ticket.hash);
      // It may have come twice at once.
      callers.delete(ticket.hash);
      return caller === undefined || isEnded(caller) ? undefined : caller;
    };
  };
}

/** What the database said of sessions, and when; by keys. */
function createKnownSessions({ sessions, now, monotonic }: Deps) {
  const known = new LRUCache<number, Known>({ max: 100_000, dispose: (session) => void (session.isLive = false) });
  // Also of sessions that are being looked up just now. None lives twice, so an entry is never wrong.
  const ended = new LRUCache<number, true>({ max: 100_000 });
  const isEnded = ({ sessionId }: Pick<Caller, "sessionId">): boolean =>
    sessionId !== undefined && ended.has(sessionId);

  /** From now on this node refuses the tokens of these sessions of a user. */
  function refuse(userId: number, sessionIds: readonly number[]): void {
    // Whether the account itself goes on is asked anew.
    known.delete(keyOf({ userId, sessionId: undefined }));
    for (const sessionId of sessionIds) {
      ended.set(sessionId, true);
      known.delete(sessionId);
    }
  }

  /** Asks the database. @returns those that are over */
  async function read(refs: readonly SessionRef[]): Promise<Map<number, SessionRef>> {
    const time = monotonic();
    const over = new Map(refs.map((ref) => [keyOf(ref), ref]));
    for (const session of await sessions.live([...over.values()], now())) {
      if (isEnded(session)) continue;
      const key = keyOf(session);
      over.delete(key);
      const before = known.peek(key);
      if (before === undefined) known.set(key, { ...session, isLive: true, checkedAt: time, usedAt: time });
      else Object.assign(before, session, { checkedAt: time });
    }
    for (const { userId, sessionId } of over.values()) refuse(userId, sessionId === undefined ? [] : [sessionId]);
    return over;
  }

  return {
    known,
    isEnded,
    /** Whether the database was not asked for a minute. */
    isDue(ref: SessionRef, time: number): boolean {
      const session = known.peek(keyOf(ref));
      return session === undefined || session.checkedAt <= time - recheckMs;
    },
    refuse,
    read,
    /** Asks the database together with whoever else asks. @throws OmError `unavailable` when too many do */
    look: createSharedCalls({ most: maxGathered, call: read }),
  };
}
