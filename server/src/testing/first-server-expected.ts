import { handlesLost, oddEmails, oddNames } from "./first-server-odd-rows.ts";
import type { OldGroup, OldMessage, OldRows, OldUser } from "./first-server-rows.ts";

/** A conversation as it must look here: its messages in order and where everybody stands. */
export interface ExpectedConversation {
  key: string;
  messages: OldMessage[];
  people: {
    user: number;
    role: string;
    read: number;
    delivered: number;
    sent: number;
    sentAtRead: number;
  }[];
}

/** What an import of `rows` must give, found the slow way: message by message, in plain loops. */
export function expectedConversations(rows: OldRows): ExpectedConversation[] {
  const users = new Map(rows.users.map((user) => [user.id, user]));
  const groups = new Map(rows.groups.filter((group) => keepsGroup(rows, group)).map((group) => [group.id, group]));
  const talks = new Map<string, OldMessage[]>();
  for (const id of groups.keys()) talks.set(`group ${id}`, []);
  for (const message of rows.messages.toSorted((a, b) => a.id - b.id)) {
    const key = keyOf(message, users, groups);
    if (key === undefined) continue;
    const list = talks.get(key) ?? [];
    talks.set(key, list);
    list.push(message);
  }
  return [...talks].map(([key, messages]) => ({
    key,
    messages,
    people: key.startsWith("group ")
      ? groupPeople(rows, users, { id: Number(key.slice(6)), messages })
      : directPeople(rows, key, messages),
  }));
}

/** The users as they must be here. */
export function expectedUsers({ users }: OldRows): (OldUser & { username: string; email: string })[] {
  return users.map((user) => {
    if (user.deleted_at !== null) {
      const name = `deleted_${user.id}`;
      return {
        ...user,
        username: name,
        email: `${name}@invalid`,
        password_hash: "-",
        full_name: "",
        avatar: "",
        last_seen: null,
      };
    }
    const email = oddEmails[user.id] ?? user.email.toLowerCase();
    return { ...user, username: oddNames[user.id] ?? user.username, email };
  });
}

/** The groups as they must be here. */
export function expectedGroups(rows: OldRows): OldGroup[] {
  return rows.groups
    .filter((group) => keepsGroup(rows, group))
    .map((group) => ({
      ...group,
      handle: handlesLost.includes(group.id) ? null : group.handle,
      creator_id: rows.users.some(({ id }) => id === group.creator_id) ? group.creator_id : heir(rows, group.id),
    }));
}

function heir(rows: OldRows, groupId: number): number {
  const members = liveMembers(rows, groupId).toSorted((a, b) => a.joined_at.localeCompare(b.joined_at));
  return (members.find(({ role }) => role === "admin") ?? members[0])?.user_id ?? 0;
}

function liveMembers(rows: OldRows, groupId: number) {
  const live = new Set(rows.users.filter(({ deleted_at }) => deleted_at === null).map(({ id }) => id));
  return rows.group_members.filter(({ group_id, user_id }) => group_id === groupId && live.has(user_id));
}

export function keepsGroup(rows: OldRows, group: OldGroup): boolean {
  if (group.deleted_at !== null) return false;
  return rows.users.some(({ id }) => id === group.creator_id) || liveMembers(rows, group.id).length > 0;
}

/** Undefined: the message is left out. */
function keyOf(message: OldMessage, users: Map<number, OldUser>, groups: Map<number, OldGroup>): string | undefined {
  const { sender_id: from, recipient_id: to, group_id: group } = message;
  if (message.deleted_at !== null || !users.has(from)) return undefined;
  if (to !== null && to !== 0) return users.has(to) ? `${Math.min(from, to)}:${Math.max(from, to)}` : undefined;
  return group !== null && groups.has(group) ? `group ${group}` : undefined;
}

function directPeople(rows: OldRows, key: string, messages: OldMessage[]): ExpectedConversation["people"] {
  return [...new Set(key.split(":").map(Number))].map((user) => {
    if (key === `${user}:${user}`) {
      const all = messages.length;
      return { user, role: "member", read: all, delivered: all, sent: all, sentAtRead: all };
    }
    let read = 0;
    let delivered = 0;
    for (const [i, message] of messages.entries()) {
      if (message.sender_id === user) continue;
      if (message.is_read || message.status === "read") read = i + 1;
      if (message.is_delivered || ["delivered", "read"].includes(message.status)) delivered = i + 1;
    }
    return stand(rows, messages, { user, role: "member", read, delivered: Math.max(read, delivered) });
  });
}

function groupPeople(
  rows: OldRows,
  users: Map<number, OldUser>,
  { id, messages }: { id: number; messages: OldMessage[] },
): ExpectedConversation["people"] {
  return rows.group_members
    .filter(({ group_id, user_id }) => group_id === id && users.get(user_id)?.deleted_at === null)
    .map(({ user_id, role }) => {
      const state = rows.group_read_states.find((one) => one.group_id === id && one.user_id === user_id);
      const read = messages.filter((message) => message.id <= (state?.last_read_message_id ?? 0)).length;
      return stand(rows, messages, { user: user_id, role, read, delivered: messages.length });
    });
}

/** Takes the queue into account, and that own messages need no delivery. */
function stand(
  rows: OldRows,
  messages: OldMessage[],
  person: { user: number; role: string; read: number; delivered: number },
): ExpectedConversation["people"][number] {
  const queue = queueOf(rows, person.user);
  const waiting = messages.findIndex(({ id, sender_id }) => sender_id !== person.user && queue.has(id));
  let delivered = waiting < 0 ? person.delivered : Math.min(person.delivered, waiting);
  delivered = Math.max(delivered, person.read);
  while (messages[delivered]?.sender_id === person.user) delivered += 1;
  const own = messages.flatMap(({ sender_id }, i) => (sender_id === person.user ? [i + 1] : []));
  return { ...person, delivered, sent: own.length, sentAtRead: own.filter((seq) => seq <= person.read).length };
}

const queues = new WeakMap<OldRows, Map<number, Set<number>>>();
function queueOf(rows: OldRows, user: number): Set<number> {
  let all = queues.get(rows);
  if (all === undefined) {
    all = new Map();
    for (const { deleted_at, user_id, message_id } of rows.pending_messages) {
      if (deleted_at !== null) continue;
      const one = all.get(user_id) ?? new Set();
      all.set(user_id, one.add(message_id));
    }
    queues.set(rows, all);
  }
  return all.get(user) ?? new Set();
}
