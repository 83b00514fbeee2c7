import { Type, type Static } from "./typebox.ts";
import { Id, noted, Nullable, Presence, Time } from "./entities.ts";

const Count = Type.Integer({ minimum: 0 });

export const FullUser = Type.Object(
  {
    id: Count,
    created_at: Time,
    updated_at: Time,
    username: Type.String(),
    email: Type.String(),
    full_name: Type.String(),
    avatar: Type.String(),
    role: Type.String(),
    is_online: Type.Boolean(),
    last_seen: Nullable(Time),
    presence: Type.Optional(Presence),
  },
  {
    description:
      "A user as groups show it. The zero object (id 0, empty texts, times `0001-01-01T00:00:00Z`) stands for a user that is not loaded.",
  },
);
export type FullUser = Static<typeof FullUser>;

export const GroupRole = Type.Enum(["admin", "member"]);
export type GroupRole = Static<typeof GroupRole>;

export const GroupMember = Type.Object(
  { group_id: Id, user_id: Id, role: GroupRole, joined_at: Time, user: FullUser },
  { description: "`user` is always the zero object." },
);
export type GroupMember = Static<typeof GroupMember>;

export const Group = Type.Object({
  id: Id,
  created_at: Time,
  updated_at: Time,
  name: Type.String(),
  description: Type.String(),
  icon: Type.String(),
  creator_id: Id,
  member_count: Count,
  is_public: Type.Boolean(),
  handle: Type.Optional(noted(Type.String(), "Only of a public group.")),
  creator: noted(FullUser, "The zero object when that account is closed."),
  members: noted(Nullable(Type.Array(GroupMember)), "Filled only where a group was created or joined by invite."),
});
export type Group = Static<typeof Group>;

export const GroupChange = Type.Object(
  {
    id: Id,
    name: Type.String(),
    description: Type.String(),
    icon: Type.String(),
    is_public: Type.Boolean(),
    handle: Type.Optional(noted(Type.String(), "Only of a public group.")),
    members: Nullable(
      Type.Array(Type.Object({ user_id: Id, role: noted(Nullable(GroupRole), "null: is no member any more.") }), {
        description:
          "Who joined, left or has another role. Ask for all members when you are among them, or when it is null: too many, or this is everything.",
      }),
    ),
  },
  { description: "What a group says of itself, and what changed among its members." },
);
export type GroupChange = Static<typeof GroupChange>;

export const InvitePreview = Type.Object(
  {
    expires_at: Nullable(Time),
    group: Type.Object({
      description: Type.String(),
      handle: Nullable(Type.String()),
      icon: Type.String(),
      id: Id,
      is_public: Type.Boolean(),
      name: Type.String(),
    }),
    max_uses: Nullable(Count),
    requires_auth: Type.Boolean(),
    used_count: Count,
  },
  { description: "What somebody who holds the link may know before joining." },
);
export type InvitePreview = Static<typeof InvitePreview>;

const inviteFields = {
  expires_at: Nullable(Time),
  join_path: Type.String(),
  join_url: noted(Type.String(), '`""` unless the operator has set a public address.'),
  max_uses: Nullable(Count),
  token: Type.String(),
};
export const NewInvite = Type.Object(inviteFields);
export type NewInvite = Static<typeof NewInvite>;

export const Invite = Type.Object({ ...inviteFields, created_at: Time, created_by: Id, used_count: Count });
export type Invite = Static<typeof Invite>;
