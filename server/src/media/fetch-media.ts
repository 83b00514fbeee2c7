import type { Caller } from "../platform/caller.ts";
import type { FileResponse } from "../platform/file-response.ts";
import { OmError } from "../platform/om-error.ts";
import { isAttachmentKey, isAvatarKey, typeOfKey } from "./media-keys.ts";
import type { MediaDeps } from "./avatars.ts";

/** Avatars of users and icons of groups: every user may see them. @throws OmError `not_found` */
export async function fetchAvatar({ storage }: MediaDeps, path: string | undefined): Promise<FileResponse> {
  const key = withoutEmptyParts(path);
  if (!isAvatarKey(key)) throw new OmError("not_found");
  return read(storage, key);
}

/**
 * For whoever can see a message that names it, and for whoever uploaded it until one does. Nobody else learns whether it exists.
 * @throws OmError `not_found`
 */
export async function fetchAttachment(
  { storage, attachments }: MediaDeps,
  { userId }: Caller,
  path: string | undefined,
): Promise<FileResponse> {
  const key = `attachments/${withoutEmptyParts(path)}`;
  if (!isAttachmentKey(key)) throw new OmError("not_found");
  if (!(await attachments.canRead({ key, userId }))) throw new OmError("not_found");
  return read(storage, key);
}

function withoutEmptyParts(path = ""): string {
  return path.replace(/^\/+/, "").replaceAll(/\/+/g, "/");
}

async function read(storage: MediaDeps["storage"], key: string): Promise<FileResponse> {
  const object = await storage.get(key);
  if (object === undefined) throw new OmError("not_found");
  const type = typeOfKey(key);
  if (type.startsWith("image/")) return { ...object, type };
  return { ...object, type, downloadAs: key.slice(key.lastIndexOf("/") + 1) };
}
