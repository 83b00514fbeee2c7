import { stat } from "node:fs/promises";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { ReceiveFile } from "../platform/upload.ts";
import { imageKind, InvalidImage, type Images } from "./images.ts";
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

/**
 * Stores a file that the caller may then name in a message. Pictures are encoded anew, so that no more than a picture is ever shown;
 * animations and everything else stay as they are, to be downloaded.
 * @throws OmError `missing_attachment`, `invalid_attachment`, `attachment_too_large`, `attachment_invalid`, `unavailable`, `quota_exceeded`,
 * `storage_full`
 */
export async function uploadAttachment(
  deps: MediaDeps,
  { userId }: Caller,
  receive: ReceiveFile,
): Promise<{ url: string }> {
  // Whoever has no room need not send it all.
  await checkQuota(deps, userId, 1);
  return deps.uploads.receive({ userId, receive, refusals }, async (file) => {
    if (file.size === 0) throw new OmError("missing_attachment");
    const { path, extension } = await prepare(deps.images, file);
    const { size } = await stat(path);
    await checkQuota(deps, userId, size);
    const key = newKey(`attachments/${userId}`, extension);
    // First, so that nothing lies in the storage of which nobody knows.
    const made = await deps.attachments.add(key, userId, { bytes: size, at: new Date(deps.now()) });
    if (!made) throw new OmError("unauthorized");
    await deps.storage.put(key, { path, type: imageTypeOf(key) ?? "application/octet-stream" });
    return { url: deps.address.shown(mediaPath(key)) };
  });
}

/** What is stored, and the extension that says how it is served. */
async function prepare(images: Images, file: UploadedFile): Promise<{ path: string; extension: string }> {
  const asIs = { path: file.path, extension: downloadExtension(file.name) };
  const kind = imageKind(file.head);
  if (kind === undefined || kind === "gif") return asIs;
  try {
    const { animated } = await images.check(file.path, kind);
    if (animated) return asIs;
    await images.encode(file.path, file.resultPath, { kind, side: maxSide });
    return { path: file.resultPath, extension: kind === "jpeg" ? "jpg" : kind };
  } catch (error) {
    throw error instanceof InvalidImage ? new OmError("attachment_invalid") : error;
  }
}
