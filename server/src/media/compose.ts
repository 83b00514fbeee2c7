import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { UserPushes } from "../accounts/user-pushes.ts";
import type { UserViews } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import type { Config } from "../config.ts";
import { attachmentStore, canReadAttachments } from "./attachment-store.ts";
import { avatarStore } from "./avatar-store.ts";
import { diskStorage } from "./disk-storage.ts";
import {
  forgetAvatar,
  removeAvatar,
  uploadAvatar,
  uploadGroupAvatar,
  type MediaDeps,
  type SetIcon,
} from "./avatars.ts";
import { createImages } from "./images.ts";
import { foreignAttachmentKey, isOwnMediaUrl } from "./media-keys.ts";
import type { MediaStorage } from "./media-storage.ts";
import { fetchAttachment, fetchAvatar } from "./fetch-media.ts";
import { s3Storage } from "./s3-storage.ts";
import { sweepAttachments } from "./sweep-attachments.ts";
import { uploadAttachment } from "./upload-attachment.ts";
import { createUploads } from "./uploads.ts";
import type { Clock } from "../platform/clock.ts";
import { createMediaAddress } from "../platform/media-address.ts";
import { OmError } from "../platform/om-error.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";

export function composeMedia(deps: {
  config: Config;
  db: Database;
  writes: CacheWrites;
  views: UserViews;
  /** What URLs begin with, without a slash at the end. */
  base: () => string;
  setIcon: SetIcon;
  pushes: Pick<UserPushes, "face">;
  telemetry: Pick<Telemetry, "failure">;
  now: Clock;
  monotonic: Clock;
}) {
  const { config, db, views, base, setIcon, pushes, telemetry, now, monotonic } = deps;
  const given = { views, setIcon, pushes, quotas: config, now };
  const address = createMediaAddress(base);
  const folder = join(config.dataDir, "media");
  closeToOthers(folder);
  const storage = openStorage(config, folder);
  // What goes on to S3 is here for moments only.
  const minFreeBytes = config.s3Endpoint === "" ? config.mediaMinFreeBytes : 0;
  const uploads = createUploads({ folder: join(folder, "incoming"), minFreeBytes, now });
  const images = createImages();
  const onOrphan = (error: unknown): void => telemetry.failure("media", error);
  const [avatars, attachments] = [avatarStore(deps.writes), attachmentStore(db)];
  /** @throws OmError `storage_not_configured`, before anything else */
  const media = (): MediaDeps => {
    if (storage === undefined) throw new OmError("storage_not_configured");
    return { ...given, storage, uploads, images, address, onOrphan, avatars, attachments };
  };
  return {
    /** What messages must know of the URLs that they name. */
    links: {
      isMedia: (url: string) => isOwnMediaUrl(url, base()),
      foreignAttachment: (url: string, userId: number) => foreignAttachmentKey(url, base(), userId),
      storedMedia: address.stored,
      canReadAttachments,
      canRead: attachments.canRead,
    },
    /** @throws when nothing can be stored or read just now */
    check: async () => void (await media().storage.get("probe/none")),
    /** Removes what a crash left of uploads. */
    sweep: () => uploads.sweep(),
    /** Removes attachments that no message names. */
    sweepAttachments: async () => storage && sweepAttachments({ storage, attachments, now, monotonic }),
    /** Deletes the user's avatar; attachments stay with the messages that name them. */
    forget: async (userId: number) => storage && forgetAvatar({ storage, onOrphan, avatars }, userId),
    routes: {
      uploadAvatar: async ({ caller, receive }) => uploadAvatar(media(), caller, receive),
      deleteAvatar: async ({ caller }) => removeAvatar(media(), caller),
      groupAvatar: async ({ actor, params, receive }) => uploadGroupAvatar(media(), actor, { ...params, receive }),
      avatarFile: async ({ params }) => fetchAvatar(media(), params["*"]),
      uploadAttachment: async ({ caller, receive }) => uploadAttachment(media(), caller, receive),
      attachmentFile: async ({ caller, params }) => fetchAttachment(media(), caller, params["*"]),
    } satisfies RoutesOf<"media">,
  };
}

/** A folder that was there before us, such as a volume, may be open to all. */
function closeToOthers(folder: string): void {
  try {
    chmodSync(folder, 0o700);
  } catch {
    // It is made later, or belongs to somebody else, who decides.
  }
}

/** S3 when S3_ENDPOINT is set, else `folder`. Undefined: S3 is wanted but not all of its settings are there. */
function openStorage(config: Config, folder: string): MediaStorage | undefined {
  const { s3Endpoint: endpoint, s3Bucket: bucket, s3AccessKey: accessKey, s3SecretKey: secretKey } = config;
  if (endpoint === "") return diskStorage(folder);
  if (bucket === "" || accessKey === "" || secretKey === "") return undefined;
  return s3Storage({ endpoint, bucket, accessKey, secretKey, region: config.s3Region, useSsl: config.s3UseSsl });
}
