import { buffer } from "node:stream/consumers";
import type { Caller } from "../platform/caller.ts";
import type { FileResponse } from "../platform/file-response.ts";
import { OmError } from "../platform/om-error.ts";
import { extensionOf, imageTypeOf, isAttachmentKey, isAvatarKey } from "./media-keys.ts";
import type { StoredObject } from "./media-storage.ts";
import { maybePlayable, playableType } from "./media-types.ts";
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

/** Pictures, sound and video are for showing, whatever else is a download. */
async function read(storage: MediaDeps["storage"], key: string): Promise<FileResponse> {
  const object = await storage.get(key);
  if (object === undefined) throw new OmError("not_found");
  const type = imageTypeOf(key) ?? (await playableTypeOf(object, extensionOf(key)));
  if (type !== undefined) return { ...object, type };
  return { ...object, type: "application/octet-stream", downloadAs: key.slice(key.lastIndexOf("/") + 1) };
}

/** By the first bytes: an extension is only what the sender says. */
async function playableTypeOf(object: StoredObject, extension: string): Promise<string | undefined> {
  if (!maybePlayable(extension) || object.size === 0) return undefined;
  return playableType(extension, await buffer(await object.open({ start: 0, end: Math.min(11, object.size - 1) })));
}
