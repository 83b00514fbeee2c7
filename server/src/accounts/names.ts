import { limits } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { cutCharacters, normalizedText } from "../platform/cut-text.ts";
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

/**
 * Names that speak for whoever runs the server, that mean everybody or nobody, or that are part of an address; with underscores wherever they like.
 */
const reserved = new Set(
  (
    "admin administrator root sysadmin system server webmaster postmaster hostmaster abuse security support help helpdesk staff official " +
    "moderator mod bot om omessenger ommessenger everyone everybody all deleted null undefined api me search blocks checkusername"
  ).split(" "),
);

/** Whether a name is nobody's to take, such as that of a closed account. */
export function isReservedName(name: string): boolean {
  const text = name.toLowerCase();
  return reserved.has(text.replaceAll("_", "")) || /^deleted_\d+$/.test(text);
}

/** What can be seen of it, trimmed and cut to the characters that fit. @throws OmError `invalid_request_body` for what is no text */
export function parseFullName(text: string): string {
  return cutCharacters(cleanName(normalizedText(text)).trim(), limits.fullNameChars);
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
  const email = text.normalize("NFC").trim().toLowerCase();
  if (Buffer.byteLength(email) > limits.emailBytes || !mailbox.test(email)) throw new OmError("invalid_email");
  // The place of a deleted account; whoever took it beforehand could keep somebody from leaving.
  if (/^deleted_\d+@invalid$/.test(email)) throw new OmError("invalid_email");
  return email;
}
