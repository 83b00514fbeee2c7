import type { RouteBody } from "@om/protocol";
import type { Actor } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { LinkStore } from "./link-store.ts";
import { checkNewPassword } from "./password-rules.ts";
import type { Passwords } from "./passwords.ts";
import { tokenHash } from "./secret-token.ts";
import type { PublishSessionEnd } from "./sessions.ts";

/** How long a link that sets a new password is good, in minutes. */
export const resetLinkMinutes = 30;

export interface ResetDeps {
  links: LinkStore;
  passwords: Passwords;
  passwordMinLength: number;
  publishSessionEnd: PublishSessionEnd;
}

/** By whoever holds the link, once; whoever was logged in is logged out. @throws OmError `invalid_link` */
export async function resetPassword(
  { links, passwords, ...deps }: ResetDeps,
  body: RouteBody<"resetPassword">,
  { address, actor }: { address: string; actor: Pick<Actor, "origin"> },
): Promise<{ ok: boolean }> {
  const hash = tokenHash((body.token ?? "").slice(0, 200));
  const password = body.new_password ?? "";
  const owner = await links.find(hash);
  if (owner === undefined) throw new OmError("invalid_link");
  checkNewPassword(password, deps.passwordMinLength, [owner.username, owner.email, owner.full_name]);
  const done = await links.use(hash, await passwords.hash(password, address), actor.origin);
  if (done === undefined) throw new OmError("invalid_link");
  deps.publishSessionEnd(
    { userId: done.userId, ended: { exceptSessionId: undefined } },
    done.ended.map(({ id }) => id),
  );
  return { ok: true };
}
