import type { RouteOutput, User } from "@om/protocol";
import type { UserPushes } from "../accounts/user-pushes.ts";
import type { UserViews } from "../accounts/user-view.ts";
import type { Config } from "../config.ts";
import { parseGroupId } from "../groups/parse-input.ts";
import type { Actor, Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import type { MediaAddress } from "../platform/media-address.ts";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { ReceiveFile } from "../platform/upload.ts";
import type { AttachmentStore } from "./attachment-store.ts";
import type { AvatarStore } from "./avatar-store.ts";
import { imageKind, InvalidImage, type Images } from "./images.ts";
import { keyOfOwner, mediaPath, newKey, type Owner } from "./media-keys.ts";
import type { MediaStorage } from "./media-storage.ts";
import type { Upload, UploadedFile, Uploads } from "./uploads.ts";

/** What the use-cases of media are given. */
export interface MediaDeps {
  storage: MediaStorage;
  uploads: Uploads;
  images: Images;
  avatars: AvatarStore;
  attachments: AttachmentStore;
  quotas: Pick<Config, "mediaUserBytes" | "mediaTotalBytes">;
  views: UserViews;
  setIcon: SetIcon;
  pushes: Pick<UserPushes, "face">;
  address: MediaAddress;
  /** Told when an object that nobody names any more could not be deleted. */
  onOrphan: (error: unknown) => void;
  now: Clock;
}

/** Sets the icon, as it is stored: the group as it is now, and what was its icon before. @throws OmError when the caller is no admin of such a group */
export type SetIcon = (
  actor: Actor & { userId: number },
  groupId: number,
  url: string,
) => Promise<{ group: RouteOutput<"groupAvatar">; previous: string }>;

type Deletion = Pick<MediaDeps, "storage" | "onOrphan">;

const refusals = { missing: "missing_avatar", too_large: "avatar_too_large", broken: "invalid_avatar" } as const;
const maxSide = 2048;

/** @throws OmError those of `replaceAvatar`, `unauthorized` when the account has gone */
export async function uploadAvatar(deps: MediaDeps, { userId }: Caller, receive: ReceiveFile): Promise<{ user: User }> {
  const upload = { userId, receive, refusals };
  const profile = await replaceAvatar(deps, `avatars/${userId}`, upload, (url) => setAvatar(deps, userId, url));
  return { user: await deps.views.alone(profile, userId) };
}

/** Also when there was none. @throws OmError `unauthorized` when the account has gone */
export async function removeAvatar(deps: MediaDeps, { userId }: Caller): Promise<{ user: User }> {
  const profile = await setAvatar(deps, userId, "");
  await deleteAvatar(deps, `avatars/${userId}`, profile.previous);
  return { user: await deps.views.alone(profile, userId) };
}

/** Of an account that is about to be closed. */
export async function forgetAvatar(deps: Pick<MediaDeps, "avatars" | keyof Deletion>, userId: number): Promise<void> {
  const profile = await deps.avatars.set(userId, "");
  if (profile !== undefined) await deleteAvatar(deps, `avatars/${userId}`, profile.previous);
}

async function setAvatar({ avatars, pushes }: MediaDeps, userId: number, url: string) {
  const profile = await avatars.set(userId, url);
  if (profile === undefined) throw new OmError("unauthorized");
  pushes.face(userId);
  return profile;
}

/** @throws OmError `malformed_group_id`, those of `replaceAvatar`, those of `SetIcon` */
export async function uploadGroupAvatar(
  deps: MediaDeps,
  actor: Actor & { userId: number },
  { id, receive }: { id: string; receive: ReceiveFile },
): Promise<RouteOutput<"groupAvatar">> {
  const groupId = parseGroupId(id);
  const { userId } = actor;
  const set = (url: string): ReturnType<SetIcon> => deps.setIcon(actor, groupId, url);
  return (await replaceAvatar(deps, `avatars/group_${groupId}`, { userId, receive, refusals }, set)).group;
}

/**
 * Takes in a picture as JPEG and lets `assign` put its URL in the place of another. Then the object that was there before is
 * deleted; when `assign` fails, the new one is.
 * @throws OmError `missing_avatar`, `invalid_avatar`, `avatar_too_large`, `avatar_unsupported`, `avatar_invalid`, `unavailable`, `storage_full`
 */
function replaceAvatar<T extends { previous: string }>(
  deps: MediaDeps,
  owner: Owner,
  upload: Upload,
  assign: (url: string) => Promise<T>,
): Promise<T> {
  return deps.uploads.receive(upload, async (file) => {
    await encodeAvatar(deps.images, file);
    const key = newKey(owner, "jpg");
    await deps.storage.put(key, { path: file.resultPath, type: "image/jpeg" });
    const assigned = await assign(mediaPath(key)).catch(async (error: unknown) => {
      // With the database gone nobody knows whether the URL was stored; better an object too many than one too few.
      if (!(error instanceof DatabaseUnavailable)) await deleteObject(deps, key);
      throw error;
    });
    await deleteAvatar(deps, owner, assigned.previous);
    return assigned;
  });
}

/** Deletes the object that `url` names if it is `owner`'s, as well as can be. */
async function deleteAvatar(deps: Deletion, owner: Owner, url: string): Promise<void> {
  const key = keyOfOwner(url, owner);
  if (key !== undefined) await deleteObject(deps, key);
}

async function deleteObject(deps: Deletion, key: string): Promise<void> {
  await deps.storage.delete(key).catch(deps.onOrphan);
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
