import { limits } from "@om/protocol";
import { isReservedName, parseName } from "../accounts/names.ts";
import { hasMoreCharacters, normalizedText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { parseId } from "../platform/page-limit.ts";
import { cleanName } from "../platform/visible-text.ts";

/** An unsigned 32-bit decimal (wire contract §2.9). @throws OmError `malformed_group_id` */
export function parseGroupId(text: string | undefined): number {
  const id = parseId(text, "malformed_group_id", 0);
  if (id > 0xffff_ffff) throw new OmError("malformed_group_id");
  return id;
}

/** @throws OmError `invalid_handle` */
export function parseHandle(text: string | null | undefined): string {
  const handle = parseName(text ?? "");
  if (handle === undefined) throw new OmError("invalid_handle");
  return handle;
}

/** Of a group that has not had it. @throws OmError `invalid_handle`, `handle_taken` when it is reserved */
export function parseNewHandle(text: string | null | undefined): string {
  const handle = parseHandle(text);
  if (isReservedName(handle)) throw new OmError("handle_taken");
  return handle;
}

/**
 * What can be seen of it, not trimmed; spaces pass (wire contract §2.9.1).
 * @throws OmError `group_name_missing` when it is nothing, `invalid_request_body` for what is no text
 */
export function parseGroupName(text: string): string {
  const name = /^ +$/.test(text) ? text : cleanName(normalizedText(text));
  if (name === "") throw new OmError("group_name_missing");
  return name;
}

/** Whether name and description fit, in characters. */
export function isTooLong({ name, description }: { name: string; description: string }): boolean {
  return hasMoreCharacters(name, limits.groupNameChars) || hasMoreCharacters(description, limits.groupDescriptionChars);
}
