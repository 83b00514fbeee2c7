import type { Registration, Role } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";

/** Who may make an account. */
export interface Door {
  registration: Registration;
  /** Of e-mail addresses, in lower case: who may when it is `domains`. */
  domains: readonly string[];
}

/**
 * Whether somebody may make an account, and whether it is open at once. An invitation opens every door but a closed one, which only the
 * link of an administrator does.
 * @throws OmError `registration_closed`, `invite_required`, `email_not_allowed`
 */
export function letIn(
  { registration, domains }: Door,
  email: string,
  invite: { role: Role } | undefined,
): "open" | "waiting" {
  if (registration === "closed" && invite?.role !== "administrator") throw new OmError("registration_closed");
  if (registration === "open" || invite !== undefined) return "open";
  if (registration === "invite") throw new OmError("invite_required");
  if (registration === "domains" && !domains.includes(email.slice(email.lastIndexOf("@") + 1)))
    throw new OmError("email_not_allowed");
  return "waiting";
}

/** @throws OmError why somebody who has proven to own an account may not use it */
export function requireOpen(state: string): void {
  if (state === "waiting") throw new OmError("account_waiting");
  if (state !== "open") throw new OmError("account_disabled");
}
