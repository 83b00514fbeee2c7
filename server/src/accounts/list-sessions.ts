import { limits, type RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { checkOpen } from "./check-open.ts";
import type { SessionStore } from "./session-store.ts";

/** The caller's live sessions, newest use first. */
export async function listSessions(
  { sessions, now }: { sessions: SessionStore; now: Clock },
  caller: Caller,
): Promise<RouteOutput<"sessions">> {
  await checkOpen(sessions, caller);
  const rows = await sessions.list(caller.userId, now(), limits.sessionsPage);
  return { sessions: rows.map((row) => ({ ...row, current: row.id === caller.sessionId })) };
}
