import { stat } from "node:fs/promises";
import type { RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { ReceiveFile } from "../platform/upload.ts";
import { ImageBomb, imageKind, InvalidImage, type ImageKind, type Images } from "./images.ts";
import { downloadExtension, imageTypeOf, mediaPath, newKey } from "./media-keys.ts";
import type { MediaDeps } from "./avatars.ts";
import { checkQuota } from "./room.ts";
import type { UploadedFile } from "./uploads.ts";

const refusals = {
  missing: "missing_attachment",
  too_large: "attachment_too_large",
  broken: "invalid_attachment",
} as const;
const maxSide = 4096;

type UploadedAttachment = RouteOutput<"uploadAttachment">;

/**
 * Stores a file that the caller may then name in a message. Pictures are encoded anew, so that no more than a picture is ever shown;
 * animations and everything else stay as they are, to be downloaded, but for metadata where it can be taken out.
 * @throws OmError `missing_attachment`, `invalid_attachment`, `attachment_too_large`, `attachment_invalid`, `unavailable`, `quota_exceeded`,
 * `storage_full`
 */
export async function uploadAttachment(
  deps: MediaDeps,
  { userId }: Caller,
  receive: ReceiveFile,
): Promise<UploadedAttachment> {
  // Whoever has no room need not send it all.
  await checkQuota(deps, userId, 1);
  return deps.uploads.receive({ userId, receive, refusals }, async (file) => {
    if (file.size === 0) throw new OmError("missing_attachment");
    const { path, extension, metadata } = await prepare(deps.images, file);
    const { size } = await stat(path);
    await checkQuota(deps, userId, size);
    const key = newKey(`attachments/${userId}`, extension);
    // First, so that nothing lies in the storage of which nobody knows.
    const made = await deps.attachments.add(key, userId, { bytes: size, at: new Date(deps.now()) });
    if (!made) throw new OmError("unauthorized");
    await deps.storage.put(key, { path, type: imageTypeOf(key) ?? "application/octet-stream" });
    return { url: deps.address.shown(mediaPath(key)), metadata };
  });
}

interface Prepared {
  path: string;
  /** Says how it is served. */
  extension: string;
  metadata: UploadedAttachment["metadata"];
}

async function prepare(images: Images, file: UploadedFile): Promise<Prepared> {
  const { path, resultPath, head } = file;
  const kind = imageKind(head);
  if (kind !== undefined && kind !== "gif" && (await encodePicture(images, file, kind))) {
    return { path: resultPath, extension: kind === "jpeg" ? "jpg" : kind, metadata: "removed" };
  }
  const metadata = (await images.removeMetadata(path, head)) ? "removed" : "kept";
  return { path, extension: downloadExtension(file.name), metadata };
}

/** @returns false for what is no picture, is animated, or larger than can be decoded here. @throws OmError `attachment_invalid` for a bomb */
async function encodePicture(
  images: Images,
  { path, resultPath }: UploadedFile,
  kind: Exclude<ImageKind, "gif">,
): Promise<boolean> {
  try {
    if ((await images.check(path, kind)).animated) return false;
    await images.encode(path, resultPath, { kind, side: maxSide });
    return true;
  } catch (error) {
    if (error instanceof ImageBomb) throw new OmError("attachment_invalid");
    if (error instanceof InvalidImage) return false;
    throw error;
  }
}
