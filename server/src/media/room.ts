import { statfs } from "node:fs/promises";
import { limits } from "@om/protocol";
import type { Config } from "../config.ts";
import { OmError } from "../platform/om-error.ts";
import type { AttachmentStore } from "./attachment-store.ts";

type RoomSettings = Pick<Config, "mediaUserBytes" | "mediaTotalBytes">;

/**
 * Whether a person may store so many bytes more. Uploads side by side are not aware of each other: a few may go beyond the quota together.
 * @throws OmError `quota_exceeded`, `storage_full`
 */
export async function checkQuota(
  { attachments, quotas }: { attachments: AttachmentStore; quotas: RoomSettings },
  userId: number,
  bytes: number,
): Promise<void> {
  const { mediaUserBytes, mediaTotalBytes } = quotas;
  if (mediaUserBytes > 0 && (await attachments.bytesOf(userId)) + bytes > mediaUserBytes) {
    throw new OmError("quota_exceeded");
  }
  if (mediaTotalBytes > 0 && (await attachments.allBytes()) + bytes > mediaTotalBytes)
    throw new OmError("storage_full");
}

/** Whether the disk has room for `uploads` more files and `minFreeBytes` beside them. @throws OmError `storage_full` */
export async function checkDisk(folder: string, uploads: number, minFreeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < minFreeBytes + uploads * limits.attachmentBytes) throw new OmError("storage_full");
}
