import {
  oldTime,
  type OldGroup,
  type OldMember,
  type OldMessage,
  type OldRows,
  type OldUser,
} from "./first-server-rows.ts";

/** An id that nobody has. */
const nobody = 999_999;

/** What the odd users must be called after an import, by id; everybody else keeps name and (lower-case) e-mail. */
export const oddNames: Readonly<Record<number, string>> = { 10: "nika_10_om", 14: `${"a".repeat(29)}_14` };
export const oddEmails: Readonly<Record<number, string>> = {
  15: "free@example.org",
  16: "x <user17@example.org>",
  18: "shared@example.org",
  19: "z <shared@example.org>",
  20: "case@example.org",
  21: "case@example.org#21",
};
/** Groups that lose their handle, and what the creator of group 5 is replaced by is found among its members. */
export const handlesLost: readonly number[] = [1, 2, 6];

/** Adds every oddity that a database of the first server may hold; needs 40 users, 6 groups and a source without foreign keys. */
export function addOddRows(rows: OldRows, options: { oddVersion: boolean }): void {
  oddUsers(rows);
  oddGroups(rows);
  oddMessages(rows);
  const [version] = rows.app_versions;
  if (options.oddVersion && version !== undefined) {
    rows.app_versions.push({ ...version, id: 50, build_number: 50, platform: "windows" });
  }
}

function oddUsers({ users }: OldRows): void {
  const change = (id: number, what: Partial<OldUser>): void => void Object.assign(at(users, id), what);
  change(3, { username: "Nika" });
  change(10, { username: "nika" });
  change(11, { username: "nika_10" });
  change(12, { username: "A".repeat(32) });
  change(14, { username: "a".repeat(32) });
  change(15, { email: "Fifteen <Free@Example.org>" });
  change(16, { email: "x <user17@example.org>" });
  change(18, { email: "y <shared@example.org>" });
  change(19, { email: "z <Shared@example.org>" });
  change(20, { email: "CASE@example.org" });
  change(21, { email: "case@example.org" });
  change(22, { username: "USER_23", deleted_at: oldTime(4) });
  change(24, { deleted_at: oldTime(5) });
}

function oddGroups({ groups, group_members, group_invite_links, users }: OldRows): void {
  const change = (id: number, what: Partial<OldGroup>): void => void Object.assign(at(groups, id), what);
  const join = (group_id: number, user_id: number, role = "member"): void => {
    const member: OldMember = { group_id, user_id, role, joined_at: oldTime(user_id) };
    const known = group_members.find((one) => one.group_id === group_id && one.user_id === user_id);
    if (known === undefined) group_members.push(member);
  };
  change(1, { handle: "private_handle" });
  change(2, { handle: "USER_30" });
  change(3, { deleted_at: oldTime(6) });
  change(4, { handle: "Case_Handle" });
  change(6, { handle: "case_handle" });
  // The oldest admin is not the oldest member.
  change(5, { creator_id: nobody });
  for (const member of group_members) if (member.group_id === 5) member.role = "member";
  group_members.splice(0, group_members.length, ...group_members.filter((one) => one.group_id !== 5));
  join(5, 7);
  join(5, 9, "admin");
  join(5, 8, "admin");
  join(1, nobody);
  join(4, 22);
  groups.push({ ...at(groups, 1), id: groups.length + 1, name: "Nobody wrote here", handle: null });
  join(groups.length, 6, "admin");
  const orphan: OldGroup = { ...at(groups, 1), id: groups.length + 1, creator_id: nobody, handle: null };
  groups.push(orphan);
  join(orphan.id, 22);
  const [invite] = group_invite_links;
  if (invite === undefined) throw new Error("no invites");
  const first = users[0]?.id ?? 1;
  group_invite_links.push(
    { ...invite, id: 900, token: "invite of nobody", created_by: nobody },
    { ...invite, id: 901, token: "invite to an orphan", group_id: orphan.id, created_by: first },
    { ...invite, id: 902, token: "invite to a deleted group", group_id: 3, created_by: first },
  );
}

/** Odd ids, between those of the regular messages. */
function oddMessages({ messages, groups, pending_messages }: OldRows): void {
  const orphan = groups.length;
  let id = 99;
  const add = (what: Partial<OldMessage>): number => {
    id += 2;
    const base = {
      created_at: oldTime(id),
      deleted_at: null,
      client_id: `odd-${id}`,
      sender_id: 1,
      recipient_id: null,
    };
    const rest = { group_id: null, content: `odd ${id}`, message_type: "text", status: "sent" };
    messages.push({ id, ...base, ...rest, is_delivered: false, is_read: false, ...what });
    return id;
  };
  add({ client_id: "", recipient_id: 2 });
  add({ client_id: "", sender_id: 2, recipient_id: 1, status: "read" });
  // The name that would be made for the next one is taken by its sender.
  add({ client_id: `import-${id + 4}`, sender_id: 3, recipient_id: 1 });
  add({ client_id: "", sender_id: 3, recipient_id: 1 });
  add({ recipient_id: 2, group_id: 1, sender_id: 33 });
  add({ recipient_id: 2, group_id: 3, sender_id: 33, is_delivered: true });
  add({ recipient_id: nobody, group_id: 1 });
  add({ recipient_id: nobody });
  add({ recipient_id: 0 });
  add({ recipient_id: 0, group_id: 1 });
  add({});
  add({ sender_id: nobody, recipient_id: 1 });
  add({ group_id: nobody });
  add({ group_id: 3 });
  add({ group_id: orphan });
  add({ recipient_id: 2, deleted_at: oldTime(7), status: "read" });
  add({ recipient_id: 2, message_type: null });
  add({ recipient_id: 2, message_type: "sticker" });
  add({ sender_id: 22, recipient_id: 24 });
  add({ sender_id: 22, group_id: 4 });
  add({ sender_id: 5, recipient_id: 5, client_id: "to myself" });
  const deleted = add({ recipient_id: 2, deleted_at: oldTime(8) });
  const group = add({ group_id: 4, sender_id: 2 });
  const direct = add({ recipient_id: 2, is_delivered: true, is_read: true });
  const waiting = (message_id: number, user_id: number): void => {
    pending_messages.push({ id: 100_000 + pending_messages.length, deleted_at: null, user_id, message_id });
  };
  // Waits for what was deleted, for a group, for what was read before, for somebody else's message, and for nobody.
  waiting(deleted, 2);
  waiting(group, at(groups, 4).creator_id);
  waiting(direct, 2);
  waiting(direct, 30);
  waiting(direct, nobody);
  messages.sort((a, b) => a.id - b.id);
}

function at<T extends { id: number }>(rows: readonly T[], id: number): T {
  const row = rows.find((one) => one.id === id);
  if (row === undefined) throw new Error(`no row ${id}`);
  return row;
}
