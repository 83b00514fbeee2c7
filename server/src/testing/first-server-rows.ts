import { createHash } from "node:crypto";

/** Rows of the first server's tables, as a test writes them. */
export interface OldUser {
  id: number;
  created_at: string | null;
  updated_at: string | null;
  deleted_at: string | null;
  username: string;
  email: string;
  password_hash: string;
  full_name: string | null;
  avatar: string | null;
  role: string;
  is_online: boolean;
  last_seen: string | null;
}
export interface OldMessage {
  id: number;
  created_at: string;
  deleted_at: string | null;
  client_id: string;
  sender_id: number;
  recipient_id: number | null;
  group_id: number | null;
  content: string;
  message_type: string | null;
  status: string;
  is_delivered: boolean;
  is_read: boolean;
}
export interface OldGroup {
  id: number;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
  name: string;
  description: string | null;
  icon: string | null;
  creator_id: number;
  is_public: boolean;
  handle: string | null;
}
export interface OldMember {
  group_id: number;
  user_id: number;
  role: string;
  joined_at: string;
}
export interface OldToken {
  id: number;
  created_at: string;
  deleted_at: string | null;
  user_id: number;
  token_hash: string;
  expires_at: string;
  revoked_at: string | null;
}
export interface OldPending {
  id: number;
  deleted_at: string | null;
  user_id: number;
  message_id: number;
}
export interface OldReadState {
  group_id: number;
  user_id: number;
  last_read_message_id: number;
  created_at: string;
  updated_at: string;
}
export interface OldInvite {
  id: number;
  created_at: string;
  deleted_at: string | null;
  group_id: number;
  token: string;
  created_by: number;
  expires_at: string | null;
  max_uses: number | null;
  used_count: number;
  revoked_at: string | null;
}
export interface OldVersion {
  id: number;
  platform: string;
  version: string;
  build_number: number;
  download_url: string;
  changelog: string | null;
  force_update: boolean;
  min_supported_build: number;
  is_active: boolean;
  release_date: string;
  created_at: string;
  updated_at: string;
}
export interface OldRows {
  users: OldUser[];
  groups: OldGroup[];
  group_members: OldMember[];
  messages: OldMessage[];
  refresh_tokens: OldToken[];
  group_invite_links: OldInvite[];
  group_read_states: OldReadState[];
  pending_messages: OldPending[];
  app_versions: OldVersion[];
}

/** Password of every generated user; its hash is bcrypt's. */
export const oldPassword = "an old password";
const oldHash = "$2a$04$ywgLHKw1BLQnI5feBI8JTOf8z1wO.XmnSihXJWllQYjDJtYu14R/m";

/** The refresh token of a user, as that user's device keeps it. */
export function oldToken(userId: number): string {
  return `refresh token of user ${userId}, 43 characters!!`;
}

/** Microseconds that do not end on 0, so that the text is the one PostgreSQL gives back. */
export function oldTime(n: number): string {
  const at = new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
  return `${at.slice(0, 19)}.${String(((n * 7919) % 99_999) * 10 + 1).padStart(6, "0")}Z`;
}

/** The same rows for the same seed. */
export function generateRows(size: { users: number; messages: number; seed: number }): OldRows {
  const random = randomOf(size.seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const users = Array.from({ length: size.users }, (_, i) => makeUser(i + 1));
  const groupCount = Math.max(6, Math.floor(size.users / 20));
  const groups = Array.from({ length: groupCount }, (_, i) => makeGroup(i + 1, 1 + pick(size.users)));
  const group_members = groups.flatMap(({ id, creator_id }) => {
    const others = Array.from({ length: 2 + pick(12) }, () => 1 + pick(size.users));
    return [...new Set([creator_id, ...others])].map((user_id, i) => ({
      group_id: id,
      user_id,
      role: i === 0 ? "admin" : "member",
      joined_at: oldTime(id * 10 + i),
    }));
  });
  const messages = Array.from({ length: size.messages }, (_, i) =>
    makeMessage({ id: 100 + i * 2, pick, users: size.users, groups: groupCount, members: group_members }),
  );
  const waiting = messages.filter(({ status, recipient_id }) => status !== "read" && recipient_id !== null);
  const pending_messages = waiting
    .filter(() => pick(10) === 0)
    .map((message, i) => ({
      id: i + 1,
      deleted_at: pick(3) === 0 ? oldTime(i) : null,
      user_id: message.recipient_id ?? 0,
      message_id: message.id,
    }));
  return {
    users,
    groups,
    group_members,
    messages,
    pending_messages,
    refresh_tokens: users.map(({ id }) => makeToken(id)),
    group_read_states: group_members
      .filter(() => pick(3) > 0)
      .map(({ group_id, user_id }) => ({
        group_id,
        user_id,
        last_read_message_id: pick(3) === 0 ? 0 : pick(110 + size.messages * 2),
        created_at: oldTime(1),
        updated_at: oldTime(2),
      })),
    group_invite_links: groups.map(({ id, creator_id }) => makeInvite(id, creator_id)),
    app_versions: [7, 8, 9].map((build) => makeVersion(build)),
  };
}

function makeUser(id: number): OldUser {
  return {
    id,
    created_at: id % 7 === 0 ? null : oldTime(id),
    updated_at: oldTime(id + 1),
    deleted_at: null,
    username: `User_${id}`,
    email: `user${id}@example.org`,
    password_hash: oldHash,
    full_name: id % 5 === 0 ? null : `Üser "${id}" \\ ${id}`,
    avatar: id % 3 === 0 ? `https://old.example.org/api/media/avatars/${id}.jpg?v=1` : null,
    role: "user",
    is_online: id % 2 === 0,
    last_seen: id % 4 === 0 ? null : oldTime(id + 500),
  };
}

function makeGroup(id: number, creator_id: number): OldGroup {
  const isPublic = id % 2 === 0;
  return {
    id,
    created_at: oldTime(id),
    updated_at: oldTime(id + 1),
    deleted_at: null,
    name: `Group ${id}`,
    description: id % 3 === 0 ? null : `About {${id}}`,
    icon: id % 4 === 0 ? `https://old.example.org/icons/${id}` : null,
    creator_id,
    is_public: isPublic,
    handle: isPublic ? `Group_${id}` : null,
  };
}

interface MessageSpace {
  id: number;
  pick: (below: number) => number;
  users: number;
  groups: number;
  members: readonly OldMember[];
}

/** Flags and status are independent, as the first server left them. */
function makeMessage({ id, pick, users, groups, members }: MessageSpace): OldMessage {
  const toGroup = pick(4) === 0;
  const group_id = toGroup ? 1 + pick(groups) : null;
  const inGroup = members.filter((member) => member.group_id === group_id);
  const sender_id = toGroup ? (inGroup[pick(inGroup.length)]?.user_id ?? 1) : 1 + pick(users);
  // Mostly neighbours, so that conversations have some length; now and then a note to oneself.
  const recipient_id = toGroup ? null : ((sender_id - 1 + pick(4)) % users) + 1;
  const content = ["salam", "", `line one\nline "two" \\ ${id}`, "سلام 👋", "{a,b}", "NULL"][pick(6)] ?? "";
  return {
    id,
    created_at: oldTime(id),
    deleted_at: null,
    client_id: `client-${id}`,
    sender_id,
    recipient_id,
    group_id,
    content,
    message_type: ["text", "text", "image", "file"][pick(4)] ?? "text",
    status: ["pending", "sent", "delivered", "read"][pick(4)] ?? "sent",
    is_delivered: pick(3) === 0,
    is_read: pick(6) === 0,
  };
}

function makeToken(userId: number): OldToken {
  return {
    id: userId,
    created_at: oldTime(userId),
    deleted_at: userId % 13 === 0 ? oldTime(1) : null,
    user_id: userId,
    token_hash: createHash("sha256").update(oldToken(userId)).digest("hex"),
    expires_at: userId % 11 === 0 ? oldTime(1) : "2099-01-01T00:00:00Z",
    revoked_at: userId % 5 === 0 ? oldTime(userId) : null,
  };
}

function makeInvite(groupId: number, created_by: number): OldInvite {
  return {
    id: groupId,
    created_at: oldTime(groupId),
    deleted_at: groupId % 7 === 0 ? oldTime(9) : null,
    group_id: groupId,
    token: `token of group ${groupId}`,
    created_by,
    expires_at: groupId % 3 === 0 ? oldTime(groupId + 77) : null,
    max_uses: groupId % 2 === 0 ? 1 : null,
    used_count: groupId % 2,
    revoked_at: groupId % 4 === 0 ? oldTime(groupId) : null,
  };
}

function makeVersion(build: number): OldVersion {
  return {
    id: build,
    platform: "android",
    version: `1.0.${build}`,
    build_number: build,
    download_url: `https://example.org/${build}.apk`,
    changelog: build % 2 === 0 ? null : "better",
    force_update: build % 2 === 0,
    min_supported_build: build - 2,
    is_active: build === 9,
    release_date: oldTime(build),
    created_at: oldTime(build),
    updated_at: oldTime(build),
  };
}

/** mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
