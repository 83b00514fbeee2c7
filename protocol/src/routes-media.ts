import { Type } from "typebox";
import { Group } from "./entities-groups.ts";
import { limits } from "./limits.ts";
import { FileBytes, route, UserAnswer, type Route } from "./route.ts";

const avatar = { field: "avatar", maxBytes: limits.avatarBytes } as const;

/**
 * Pictures are JPEG, PNG or WebP by their first bytes and are always encoded anew. Other attachments are served as downloads.
 */
export const mediaRoutes = {
  uploadAvatar: route({
    method: "POST",
    path: "/api/users/me/avatar",
    summary: "Sets the caller's avatar.",
    auth: "token",
    csrf: true,
    limit: "avatar",
    failure: "avatar_upload_failed",
    status: 200,
    upload: avatar,
    output: UserAnswer,
  }),
  deleteAvatar: route({
    method: "DELETE",
    path: "/api/users/me/avatar",
    summary: "Removes the caller's avatar.",
    auth: "token",
    csrf: true,
    failure: "avatar_delete_failed",
    status: 200,
    output: UserAnswer,
  }),
  /** Only admins of the group may. */
  groupAvatar: route({
    method: "POST",
    path: "/api/groups/:id/avatar",
    summary: "Sets the icon of a group.",
    auth: "token",
    csrf: true,
    limit: "avatar",
    failure: "avatar_upload_failed",
    errors: "text",
    status: 200,
    upload: avatar,
    output: Group,
  }),
  /** The rest of the path is the key of an avatar or of a group's icon; every user may see them. */
  avatarFile: route({
    method: "GET",
    path: "/api/media/avatars/*",
    summary: "The picture of an avatar or of a group's icon.",
    auth: "token",
    csrf: false,
    failure: "media_fetch_failed",
    status: 200,
    file: true,
    output: FileBytes,
  }),
  /** The URL goes into the `content` of an `image` or `file` message; who may see such a message may fetch it. */
  uploadAttachment: route({
    method: "POST",
    path: "/api/media/attachments",
    summary: "Keeps a file for a message.",
    auth: "token",
    csrf: true,
    limit: "attachment",
    failure: "attachment_upload_failed",
    status: 200,
    upload: { field: "attachment", maxBytes: limits.attachmentBytes },
    output: Type.Object({ url: Type.String() }),
  }),
  attachmentFile: route({
    method: "GET",
    path: "/api/media/attachments/*",
    summary: "A file that came with a message.",
    auth: "token",
    csrf: false,
    failure: "media_fetch_failed",
    status: 200,
    file: true,
    output: FileBytes,
  }),
} satisfies Record<string, Route>;
