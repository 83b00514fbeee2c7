import type { FullUser, Group, GroupMember } from "@om/protocol";
import type { IsOnline, UserViews } from "../accounts/user-view.ts";
import { jsonTime } from "../conversations/conversation-row.ts";
import type { GroupRow } from "./group-store.ts";
import type { MemberRow } from "./membership-store.ts";

/** Stands for a user that is not loaded. */
const placeholderUser: FullUser = {
  id: 0,
  created_at: "0001-01-01T00:00:00Z",
  updated_at: "0001-01-01T00:00:00Z",
  username: "",
  email: "",
  full_name: "",
  avatar: "",
  role: "",
  is_online: false,
  last_seen: null,
};

const presenceUnknown: IsOnline = () => undefined;

/** @param members only where the contract has them */
export function groupView(
  views: UserViews,
  row: GroupRow,
  viewerId: number,
  members: readonly MemberRow[] | null = null,
): Group {
  const { creator, handle, icon, ...rest } = row;
  return {
    ...rest,
    icon: views.mediaUrl(icon),
    ...(handle === null ? {} : { handle }),
    creator: creator === null ? placeholderUser : creatorView(views, creator, viewerId),
    members: members === null ? null : members.map((member) => memberView(row.id, member)),
  };
}

function creatorView(views: UserViews, creator: NonNullable<GroupRow["creator"]>, viewerId: number): FullUser {
  const { created_at: createdAt, updated_at: updatedAt, last_seen: lastSeen } = creator;
  const times = {
    created_at: jsonTime(createdAt),
    updated_at: jsonTime(updatedAt),
    last_seen: lastSeen === null ? null : jsonTime(lastSeen),
  };
  // Who of the two may have blocked the other is not asked here, so presence is not told.
  return views.full({ ...creator, ...times, relation: 2 }, viewerId, presenceUnknown);
}

function memberView(groupId: number, { user_id, role, joined_at }: MemberRow): GroupMember {
  return { group_id: groupId, user_id, role, joined_at, user: placeholderUser };
}
