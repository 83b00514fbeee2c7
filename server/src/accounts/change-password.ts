import { limits, type RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { OmError } from "../platform/om-error.ts";
import type { CredentialStore } from "./credential-store.ts";
import type { Place } from "./attempt-store.ts";
import { claimantOf, verifyPassword, type PasswordDeps } from "./verify-password.ts";
import type { PublishSessionEnd } from "./sessions.ts";

interface Deps extends PasswordDeps {
  credentials: CredentialStore;
  passwordMinLength: number;
  publishSessionEnd: PublishSessionEnd;
  now: Clock;
}

/** Ends all other sessions, for whoever knew the old password may have opened them. Of two changes side by side one is refused. */
export async function changePassword(
  deps: Deps,
  caller: Caller,
  body: RouteBody<"changePassword">,
  place: Place,
): Promise<{ ok: boolean }> {
  const { credentials, passwords } = deps;
  const { userId, sessionId: spared } = caller;
  const wanted = body.new_password ?? "";
  if (Buffer.byteLength(wanted) < deps.passwordMinLength) throw new OmError("weak_password");
  if (Buffer.byteLength(wanted) > limits.passwordBytes) throw new OmError("password_too_long");
  const from = claimantOf(spared, place);
  const given = { from, password: body.current_password ?? "", findAccount: () => credentials.byId(userId) };
  const ended = await verifyPassword(deps, given, async ({ password_hash: old }) =>
    credentials.change({ userId, from: old, to: await passwords.hash(wanted, userId), spared, now: deps.now() }),
  );
  deps.publishSessionEnd(
    { userId, ended: { exceptSessionId: spared } },
    ended.map(({ id }) => id),
  );
  return { ok: true };
}
