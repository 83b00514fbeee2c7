import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { checkOpen } from "./check-open.ts";
import type { SessionStore } from "./session-store.ts";
import type { AnnounceEnd } from "./sessions.ts";

/**
 * Ends all sessions but the caller's, and tells how many could still be used. A token of the old server does not say which session
 * is the caller's, so none is spared: it is better to log in again than to leave an intruder in.
 */
export async function endOtherSessions(
  { sessions, announceEnd, now }: { sessions: SessionStore; announceEnd: AnnounceEnd; now: Clock },
  caller: Caller,
): Promise<{ ended: number }> {
  await checkOpen(sessions, caller);
  const { userId, sessionId } = caller;
  const ended = await sessions.endAllBut(userId, sessionId, now());
  announceEnd(
    { userId, ended: { allBut: sessionId } },
    ended.map(({ id }) => id),
  );
  return { ended: ended.filter(({ usable }) => usable).length };
}
