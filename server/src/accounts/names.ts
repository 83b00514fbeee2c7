import { limits } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { cleanText, cutBytes } from "../platform/cut-text.ts";

/** @throws OmError `invalid_username` */
export function readUsername(text: string): string {
  const name = text.trim();
  if (!/^[A-Za-z0-9_]{3,32}$/.test(name)) throw new OmError("invalid_username");
  return name;
}

/** Trimmed and cut to the bytes that fit. */
export function readFullName(text: string): string {
  return cutBytes(cleanText(text).trim(), limits.fullNameBytes);
}

/**
 * One mailbox without display name, lower case. Quoted local parts and address literals are legal in RFC 5322 but no provider
 * gives them out.
 * @throws OmError `invalid_email`
 */
export function readEmail(text: string): string {
  const email = text.trim().toLowerCase();
  const atom = "[\\p{L}\\p{N}!#$%&'*+/=?^_`{|}~-]+";
  const label = "[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]*[\\p{L}\\p{N}])?";
  const mailbox = new RegExp(`^${atom}(?:\\.${atom})*@${label}(?:\\.${label})*$`, "u");
  if (Buffer.byteLength(email) > limits.emailBytes || !mailbox.test(email)) throw new OmError("invalid_email");
  return email;
}
