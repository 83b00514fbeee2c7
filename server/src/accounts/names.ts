import { limits } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { cutBytes } from "../platform/cut-text.ts";
import { cleanName } from "../platform/visible-text.ts";

/** A name that a user or a public group may have, trimmed; undefined when it has not the form of one. */
export function parseName(text: string): string | undefined {
  const name = text.trim();
  return /^[A-Za-z0-9_]{3,32}$/.test(name) ? name : undefined;
}

/** @throws OmError `invalid_username` */
export function parseUsername(text: string): string {
  const name = parseName(text);
  if (name === undefined) throw new OmError("invalid_username");
  return name;
}

/** What can be seen of it, trimmed and cut to the bytes that fit. */
export function parseFullName(text: string): string {
  return cutBytes(cleanName(text).trim(), limits.fullNameBytes);
}

// RFC 5322: local part and domain are atoms with dots between; the local part may be quoted, the domain an address in brackets.
const atom = String.raw`[\w!#$%&'*+/=?^\x60{|}~\p{L}\p{M}\p{N}\p{So}-]+`;
const dotted = String.raw`${atom}(?:\.${atom})*`;
const quoted = String.raw`"(?:[^"\\\p{C}]|\\[^\p{C}])*"`;
const bracketed = String.raw`\[[^\[\]\\\s\p{C}]*\]`;
const mailbox = new RegExp(`^(?:${dotted}|${quoted})@(?:${dotted}|${bracketed})$`, "u");

/**
 * One RFC 5322 mailbox, trimmed and in lower case; forms with a display name are refused, or one address could register often.
 * @throws OmError `invalid_email`
 */
export function parseEmail(text: string): string {
  const email = text.trim().toLowerCase();
  if (Buffer.byteLength(email) > limits.emailBytes || !mailbox.test(email)) throw new OmError("invalid_email");
  // The place of a deleted account; whoever took it beforehand could keep somebody from leaving.
  if (/^deleted_\d+@invalid$/.test(email)) throw new OmError("invalid_email");
  return email;
}
