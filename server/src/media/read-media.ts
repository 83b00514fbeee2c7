import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { AttachmentStore } from "./attachment-store.ts";
import { isAttachmentKey, isAvatarKey, isUploadOf, typeOfKey } from "./media-keys.ts";
import type { MediaStorage, StoredObject } from "./media-storage.ts";

/** An object and how it may be shown. */
export interface MediaFile extends StoredObject {
  type: string;
  /** Given: it is a download of this name. */
  downloadAs?: string;
}

/** Avatars of users and icons of groups: every user may see them. @throws OmError `not_found` */
export async function readAvatar(deps: { storage: MediaStorage }, path: string | undefined): Promise<MediaFile> {
  const key = withoutEmptyParts(path);
  if (!isAvatarKey(key)) throw new OmError("not_found");
  return read(deps.storage, key);
}

/**
 * For whoever uploaded it, and for whoever can see a message that names it. Nobody else learns whether it exists.
 * @throws OmError `not_found`
 */
export async function readAttachment(
  deps: { storage: MediaStorage; attachments: AttachmentStore },
  caller: Caller,
  path: string | undefined,
): Promise<MediaFile> {
  const key = `attachments/${withoutEmptyParts(path)}`;
  if (!isAttachmentKey(key)) throw new OmError("not_found");
  const { userId } = caller;
  if (!isUploadOf(key, userId) && !(await deps.attachments.isVisible({ key, userId }))) throw new OmError("not_found");
  return read(deps.storage, key);
}

function withoutEmptyParts(path = ""): string {
  return path.replace(/^\/+/, "").replaceAll(/\/+/g, "/");
}

async function read(storage: MediaStorage, key: string): Promise<MediaFile> {
  const object = await storage.get(key);
  if (object === undefined) throw new OmError("not_found");
  const type = typeOfKey(key);
  if (type.startsWith("image/")) return { ...object, type };
  return { ...object, type, downloadAs: key.slice(key.lastIndexOf("/") + 1) };
}
