import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { SessionStore } from "./session-store.ts";

/**
 * An access token outlives its session by minutes on a node that has not heard of its end; a device that was thrown out must not
 * throw out others with it. A token of the old server names no session and passes.
 * @throws OmError `unauthorized`
 */
export async function checkOpen(sessions: SessionStore, { userId, sessionId }: Caller): Promise<void> {
  if (sessionId !== undefined && !(await sessions.isOpen(sessionId, userId))) throw new OmError("unauthorized");
}
