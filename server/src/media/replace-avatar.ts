import type { ReceiveFile } from "../platform/upload.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { OmError } from "../platform/om-error.ts";
import { imageKind, InvalidImage, type Images } from "./images.ts";
import { keyOfOwner, mediaUrl, newKey, type Owner } from "./media-keys.ts";
import type { MediaStorage } from "./media-storage.ts";
import type { UploadedFile, Uploads } from "./uploads.ts";

export interface MediaDeps {
  storage: MediaStorage;
  uploads: Uploads;
  images: Images;
  /** What URLs begin with, such as `https://chat.example.org/api`. */
  base: () => string;
  /** Told when an object that nobody names any more could not be deleted. */
  onLeftover: (error: unknown) => void;
}

const refusals = { missing: "missing_avatar", too_large: "avatar_too_large", broken: "invalid_avatar" } as const;
const maxSide = 2048;

/**
 * Takes in a picture as JPEG and lets `assign` put its URL in the place of another. Then the object that was there before is
 * deleted; when `assign` fails, the new one is.
 * @throws OmError `missing_avatar`, `invalid_avatar`, `avatar_too_large`, `avatar_unsupported`, `avatar_invalid`, `unavailable`
 */
export function replaceAvatar<T extends { previous: string }>(
  deps: MediaDeps,
  owner: Owner,
  receive: ReceiveFile,
  assign: (url: string) => Promise<T>,
): Promise<T> {
  return deps.uploads.take(receive, refusals, async (file) => {
    await encodeAvatar(deps.images, file);
    const key = newKey(owner, "jpg");
    await deps.storage.put(key, { path: file.resultPath, type: "image/jpeg" });
    const assigned = await assign(mediaUrl(key, deps.base())).catch(async (error: unknown) => {
      // With the database gone nobody knows whether the URL was stored; better an object too many than one too few.
      if (!(error instanceof DatabaseUnavailable)) await deleteObject(deps, key);
      throw error;
    });
    await deleteAvatar(deps, owner, assigned.previous);
    return assigned;
  });
}

/** Deletes the object that `url` names if it is `owner`'s, as well as can be. */
export async function deleteAvatar(
  deps: Pick<MediaDeps, "storage" | "onLeftover">,
  owner: Owner,
  url: string,
): Promise<void> {
  const key = keyOfOwner(url, owner);
  if (key !== undefined) await deleteObject(deps, key);
}

async function deleteObject(deps: Pick<MediaDeps, "storage" | "onLeftover">, key: string): Promise<void> {
  await deps.storage.delete(key).catch(deps.onLeftover);
}

async function encodeAvatar(images: Images, { path, resultPath, size, head }: UploadedFile): Promise<void> {
  if (size < 12) throw new OmError("avatar_invalid");
  const kind = imageKind(head);
  if (kind === undefined || kind === "gif") throw new OmError("avatar_unsupported");
  try {
    await images.check(path, kind);
    await images.encode(path, resultPath, { kind: "jpeg", side: maxSide });
  } catch (error) {
    throw error instanceof InvalidImage ? new OmError("avatar_invalid") : error;
  }
}
