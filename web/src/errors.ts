import { OmApiError } from "@om/client";
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
};

/** What is the matter, in the language of the page; what has no words of its own is told as the server says it. */
export function errorText(error: unknown): string {
  if (error instanceof OmApiError) return refusalText(error.code, error.message);
  if (error instanceof TypeError || error instanceof DOMException) return t("errorOffline");
  return t("errorUnknown", { reason: String(error) });
}

export function refusalText(code: string, text: string): string {
  const known = texts[code];
  return known === undefined ? t("errorUnknown", { reason: text }) : t(known);
}
