import { OmApiError } from "@om/client";
import { errors } from "@om/protocol";
import type { TextKey } from "./i18n/en.ts";
import { t } from "./i18n/index.ts";

const texts: Record<string, TextKey> = {
  invalid_credentials: "errorCredentials",
  weak_password: "errorWeakPassword",
  registration_failed: "errorTaken",
  invalid_username: "errorUsername",
  invalid_email: "errorEmail",
  rate_limited: "errorTooMany",
  too_many_attempts: "errorTooMany",
  missing_fields: "errorMissing",
  not_group_member: "errorNotMember",
  user_not_found: "errorNoUser",
  message_too_long: "errorTooLong",
  message_not_found: "messageGone",
  password_too_long: "errorWeakPassword",
  registration_closed: "registrationClosed",
  invite_required: "registrationInvite",
  invalid_invite: "errorInvite",
  invite_revoked: "errorInvite",
  invite_expired: "errorInvite",
  invite_exhausted: "errorInvite",
  record_not_found: "errorInvite",
  email_not_allowed: "errorDomain",
  account_waiting: "errorWaiting",
  account_disabled: "errorDisabled",
  invalid_link: "errorLink",
  not_addable: "errorNotAddable",
  not_group_admin: "errorNotAdmin",
  last_admin: "errorLastAdmin",
  last_administrator: "errorLastAdmin",
};

/** What is the matter, in the language of the page; what has no words of its own is told as the server says it. */
export function errorText(error: unknown): string {
  if (error instanceof OmApiError) return refusalText(error.code || codeOf(error.message), error.message);
  if (error instanceof TypeError || error instanceof DOMException) return t("errorOffline");
  return t("errorUnknown", { reason: String(error) });
}

export function refusalText(code: string, text: string): string {
  const known = texts[code];
  return known === undefined ? t("errorUnknown", { reason: text }) : t(known);
}

/** Groups tell their errors by text alone. */
function codeOf(text: string): string {
  return Object.entries(errors).find(([, known]) => known.text === text)?.[0] ?? "";
}
