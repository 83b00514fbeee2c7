import { Type } from "typebox";
import { Id, Time } from "./entities.ts";
import { limits } from "./limits.ts";
import { FileBytes, route, UserAnswer, type Route } from "./route.ts";

const avatar = { field: "avatar", maxBytes: limits.avatarBytes } as const;

/** A group as its admin sees it after the icon changed. */
const GroupWithIcon = Type.Object({
  id: Id,
  created_at: Time,
  updated_at: Time,
  name: Type.String(),
  description: Type.String(),
  icon: Type.String(),
  creator_id: Id,
  is_public: Type.Boolean(),
  handle: Type.Optional(Type.String()),
});

/**
 * Pictures are JPEG, PNG or WebP by their first bytes and are always encoded anew. Other attachments are served as downloads.
 */
export const mediaRoutes = {
  uploadAvatar: route({
    method: "POST",
    path: "/api/users/me/avatar",
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
    auth: "token",
    csrf: true,
    limit: "avatar",
    failure: "avatar_upload_failed",
    errors: "text",
    status: 200,
    upload: avatar,
    output: GroupWithIcon,
  }),
  /** The rest of the path is the key of an avatar or of a group's icon; every user may see them. */
  avatarFile: route({
    method: "GET",
    path: "/api/media/avatars/*",
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
    auth: "token",
    csrf: false,
    failure: "media_fetch_failed",
    status: 200,
    file: true,
    output: FileBytes,
  }),
} satisfies Record<string, Route>;
