import { limits, type RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { OmError } from "../platform/om-error.ts";
import { parseId } from "../platform/page-limit.ts";
import type { SessionStore } from "./session-store.ts";
import type { PublishSessionEnd } from "./sessions.ts";

interface Deps {
  sessions: SessionStore;
  publishSessionEnd: PublishSessionEnd;
  now: Clock;
}

/** The caller's live sessions, newest use first. */
export async function listSessions(deps: Deps, caller: Caller): Promise<RouteOutput<"sessions">> {
  const { sessions, now } = deps;
  await requireOpenSession(deps, caller);
  const rows = await sessions.list(caller.userId, now(), limits.sessionsPage);
  return { sessions: rows.map((row) => ({ ...row, current: row.id === caller.sessionId })) };
}

/** Ends one of the caller's sessions, this one too. @throws OmError `session_not_found` also for those of others */
export async function endSession(deps: Deps, caller: Caller, id: string): Promise<{ ok: boolean }> {
  const { sessions, publishSessionEnd } = deps;
  const { userId } = caller;
  const sessionId = parseId(id, "session_not_found");
  await requireOpenSession(deps, caller);
  if (!(await sessions.endOne(sessionId, userId))) throw new OmError("session_not_found");
  publishSessionEnd({ userId, ended: { sessionId } }, [sessionId]);
  return { ok: true };
}

/**
 * Ends all sessions but the caller's, and tells how many could still be used. A token of the old server does not say which session
 * is the caller's, so none is spared: it is better to log in again than to leave an intruder in.
 */
export async function endOtherSessions(deps: Deps, caller: Caller): Promise<{ ended: number }> {
  await requireOpenSession(deps, caller);
  const { userId, sessionId } = caller;
  const ended = await deps.sessions.endAllBut(userId, sessionId, deps.now());
  const ids = ended.map(({ id }) => id);
  deps.publishSessionEnd({ userId, ended: { exceptSessionId: sessionId } }, ids);
  return { ended: ended.filter(({ usable }) => usable).length };
}

/**
 * An access token outlives its session by a minute on a node that has not heard of its end; a device that was thrown out must not
 * throw out others with it. Of a token of the old server, which names no session, the account must be open.
 * @throws OmError `unauthorized`
 */
async function requireOpenSession({ sessions, now }: Deps, { userId, sessionId }: Caller): Promise<void> {
  if (!(await sessions.isOpen({ userId, sessionId }, now()))) throw new OmError("unauthorized");
}
