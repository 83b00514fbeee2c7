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
export async function listSessions({ sessions, now }: Deps, caller: Caller): Promise<RouteOutput<"sessions">> {
  await requireOpenSession(sessions, caller);
  const rows = await sessions.list(caller.userId, now(), limits.sessionsPage);
  return { sessions: rows.map((row) => ({ ...row, current: row.id === caller.sessionId })) };
}

/** Ends one of the caller's sessions, this one too. @throws OmError `session_not_found` also for those of others */
export async function endSession(
  { sessions, publishSessionEnd }: Deps,
  caller: Caller,
  id: string,
): Promise<{ ok: boolean }> {
  const { userId } = caller;
  const sessionId = parseId(id, "session_not_found");
  await requireOpenSession(sessions, caller);
  if (!(await sessions.endOne(sessionId, userId))) throw new OmError("session_not_found");
  publishSessionEnd({ userId, ended: { sessionId } }, [sessionId]);
  return { ok: true };
}

/**
 * Ends all sessions but the caller's, and tells how many could still be used. A token of the old server does not say which session
 * is the caller's, so none is spared: it is better to log in again than to leave an intruder in.
 */
export async function endOtherSessions(deps: Deps, caller: Caller): Promise<{ ended: number }> {
  await requireOpenSession(deps.sessions, caller);
  const { userId, sessionId } = caller;
  const ended = await deps.sessions.endAllBut(userId, sessionId, deps.now());
  const ids = ended.map(({ id }) => id);
  deps.publishSessionEnd({ userId, ended: { exceptSessionId: sessionId } }, ids);
  return { ended: ended.filter(({ usable }) => usable).length };
}

/**
 * An access token outlives its session by minutes on a node that has not heard of its end; a device that was thrown out must not
 * throw out others with it. A token of the old server names no session and passes.
 * @throws OmError `unauthorized`
 */
async function requireOpenSession(sessions: SessionStore, { userId, sessionId }: Caller): Promise<void> {
  if (sessionId !== undefined && !(await sessions.isOpen(sessionId, userId))) throw new OmError("unauthorized");
}
