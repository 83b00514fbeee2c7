import { limits } from "@om/protocol";
import { parseName } from "../accounts/names.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { wholeNumber } from "../platform/page-limit.ts";

/** @throws OmError `malformed_group_id` */
export function readGroupId(text: string | undefined): number {
  const id = wholeNumber(text);
  if (id === undefined) throw new OmError("malformed_group_id");
  return id;
}

/** @throws OmError `invalid_user_id` */
export function readUserId(text: string | undefined): number {
  const id = wholeNumber(text);
  if (id === undefined) throw new OmError("invalid_user_id");
  return id;
}

/** @throws OmError `invalid_handle` */
export function readHandle(text: string | null | undefined): string {
  const handle = parseName(text ?? "");
  if (handle === undefined) throw new OmError("invalid_handle");
  return handle;
}

/** Not trimmed. @throws OmError `group_name_missing` */
export function readGroupName(text: string): string {
  if (text === "") throw new OmError("group_name_missing");
  return cleanText(text);
}

/** Whether name and description fit, in characters. */
export function isTooLong(face: { name: string; description: string }): boolean {
  return (
    Array.from(face.name).length > limits.groupNameChars ||
    Array.from(face.description).length > limits.groupDescriptionChars
  );
}
