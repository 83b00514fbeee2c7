import { Type } from "./typebox.ts";
import { Group } from "./entities-groups.ts";
import { limits } from "./limits.ts";
import { FileBytes, get, post, remove, route, type Route, UserAnswer } from "./route.ts";

const avatar = { field: "avatar", maxBytes: limits.avatarBytes } as const;

/**
 * Pictures are JPEG, PNG or WebP by their first bytes and are always encoded anew. Other attachments are served as downloads. Out of MP4, MOV,
 * HEIC, AVIF, animated WebP and GIF metadata is taken without touching anything else.
 */
export const mediaRoutes = {
  uploadAvatar: route({
    ...post,
    path: "/api/users/me/avatar",
    summary: "Sets the caller's avatar.",
    limit: "avatar",
    failure: "avatar_upload_failed",
    upload: avatar,
    output: UserAnswer,
  }),
  deleteAvatar: route({
    ...remove,
    path: "/api/users/me/avatar",
    summary: "Removes the caller's avatar.",
    failure: "avatar_delete_failed",
    output: UserAnswer,
  }),
  /** Only admins of the group may. */
  groupAvatar: route({
    ...post,
    path: "/api/groups/:id/avatar",
    summary: "Sets the icon of a group.",
    limit: "avatar",
    failure: "avatar_upload_failed",
    errors: "text",
    upload: avatar,
    output: Group,
  }),
  /** The rest of the path is the key of an avatar or of a group's icon; every user may see them. */
  avatarFile: route({
    ...get,
    path: "/api/media/avatars/*",
    summary: "The picture of an avatar or of a group's icon.",
    failure: "media_fetch_failed",
    file: true,
    output: FileBytes,
  }),
  /** The URL goes into the `content` of an `image` or `file` message; who may see such a message may fetch it. */
  uploadAttachment: route({
    ...post,
    path: "/api/media/attachments",
    summary: "Keeps a file for a message.",
    limit: "attachment",
    failure: "attachment_upload_failed",
    upload: { field: "attachment", maxBytes: limits.attachmentBytes },
    output: Type.Object({
      url: Type.String(),
      /** `kept`: the file is as it was sent, and may tell where, when and by whom it was made. */
      metadata: Type.Enum(["removed", "kept"]),
    }),
  }),
  attachmentFile: route({
    ...get,
    path: "/api/media/attachments/*",
    summary: "A file that came with a message.",
    failure: "media_fetch_failed",
    file: true,
    output: FileBytes,
  }),
} satisfies Record<string, Route>;
