import { randomUUID } from "node:crypto";

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const avatarKey = new RegExp(`^avatars/(?:group_)?[1-9][0-9]{0,15}/${uuid}\\.jpg$`);
const attachmentKey = new RegExp(`^attachments/[1-9][0-9]{0,15}/${uuid}\\.[a-z0-9]{1,10}$`);

/** Whose an object is: `avatars/7`, `avatars/group_3`, `attachments/7`. */
export type Owner = `avatars/${number}` | `avatars/group_${number}` | `attachments/${number}`;

export function newKey(owner: Owner, extension: string): string {
  return `${owner}/${randomUUID()}.${extension}`;
}

export function isAvatarKey(key: string): boolean {
  return avatarKey.test(key);
}

export function isAttachmentKey(key: string): boolean {
  return attachmentKey.test(key);
}

/** As it is stored. An avatar's says `avatars` twice: once the route, once the key. An attachment's says `attachments` once. */
export function mediaPath(key: string): string {
  return isAvatarKey(key) ? `/media/avatars/${key}` : `/media/${key}`;
}

/** The key of `owner`'s object that a stored URL names, whatever the server's address was then; undefined for any other URL. */
export function keyOfOwner(url: string, owner: Owner): string | undefined {
  const [, key = ""] = /\/media\/avatars\/(avatars\/.+)$/.exec(url) ?? [];
  return isAvatarKey(key) && key.startsWith(`${owner}/`) ? key : undefined;
}

/** Whether `url` is exactly one that this server gives out. Clients fetch such URLs with their access token, and only such ones. */
export function isOwnMediaUrl(url: string, base: string): boolean {
  const prefix = `${base}/media/`;
  const rest = url.startsWith(prefix) ? url.slice(prefix.length) : "";
  return isAttachmentKey(rest) || (rest.startsWith("avatars/") && isAvatarKey(rest.slice("avatars/".length)));
}

/** The key of the attachment that such a URL names, when somebody else than the user has uploaded it. */
export function foreignAttachmentKey(url: string, base: string, userId: number): string | undefined {
  const key = isOwnMediaUrl(url, base) ? url.slice(`${base}/media/`.length) : "";
  return isAttachmentKey(key) && !isUploadOf(key, userId) ? key : undefined;
}

export function isUploadOf(key: string, userId: number): boolean {
  return key.startsWith(`attachments/${userId}/`);
}

const imageTypes = new Map([
  ["jpg", "image/jpeg"],
  ["png", "image/png"],
  ["webp", "image/webp"],
]);

/** Only pictures that we have encoded have such a name; undefined: it is something else. */
export function imageTypeOf(key: string): string | undefined {
  return imageTypes.get(extensionOf(key));
}

/** An extension for a file that is not a picture: the one of its name, unless that would make it look like one. */
export function downloadExtension(name: string): string {
  const extension = extensionOf(name.toLowerCase());
  return /^[a-z0-9]{1,10}$/.test(extension) && !imageTypes.has(extension) ? extension : "bin";
}

export function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1);
}
