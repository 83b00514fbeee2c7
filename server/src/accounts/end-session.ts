import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { wholeNumber } from "../platform/page-limit.ts";
import { checkOpen } from "./check-open.ts";
import type { SessionStore } from "./session-store.ts";
import type { AnnounceEnd } from "./sessions.ts";

/** Ends one of the caller's sessions, this one too. @throws OmError `session_not_found` also for those of others */
export async function endSession(
  { sessions, announceEnd }: { sessions: SessionStore; announceEnd: AnnounceEnd },
  caller: Caller,
  idText: string | undefined,
): Promise<{ ok: boolean }> {
  const { userId } = caller;
  const sessionId = wholeNumber(idText);
  if (sessionId === undefined) throw new OmError("session_not_found");
  await checkOpen(sessions, caller);
  if (!(await sessions.endOne(sessionId, userId))) throw new OmError("session_not_found");
  announceEnd({ userId, ended: { sessionId } }, [sessionId]);
  return { ok: true };
}
