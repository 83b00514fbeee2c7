import fc from "fast-check";
import type { RouteName } from "@om/protocol";
import { avatarStore } from "../media/avatar-store.ts";
import { createUserViews } from "../accounts/user-view.ts";
import { setIcon } from "../groups/set-icon.ts";
import { OmError } from "../platform/om-error.ts";
import { createLastSeen } from "../presence/last-seen.ts";
import type { CacheNode, CacheNodes, Said } from "./cache-nodes.ts";

/** Three people, and a group that the first of them has made and the second has joined. */
export interface Room {
  userIds: readonly number[];
  groupId: number;
  /** In order of sending, deleted ones too. */
  messageIds: number[];
  sent: number;
}

const kinds = {
  send: 12,
  batch: 4,
  flood: 1,
  read: 4,
  readAll: 2,
  delivered: 3,
  edit: 3,
  delete: 3,
  clear: 2,
  block: 2,
  unblock: 1,
  join: 1,
  leave: 1,
  addMember: 1,
  removeMember: 1,
  setRole: 1,
  editGroup: 1,
  setIcon: 1,
  rename: 1,
  avatar: 1,
  lastSeen: 1,
  evict: 1,
} as const;
type Kind = keyof typeof kinds;

/** `by` does it with `other`: 3 is the group, oneself one's notes. `at` picks a message, `on` what has two ways, `node` who writes. */
export const operation = fc.record({
  kind: fc.oneof(...Object.entries(kinds).map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind as Kind) }))),
  by: fc.nat({ max: 2 }),
  other: fc.nat({ max: 3 }),
  at: fc.nat({ max: 19 }),
  on: fc.boolean(),
  node: fc.nat({ max: 1 }),
});
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/**
 * Every kind in its ways, done by the group's admin with the second person and with the group. Before it something of the admin's was
 * written, and answered: what is edited or deleted is replied to, and what is read is the other's.
 */
export function everyOperation(): Operation[][] {
  const plain = { by: 0, other: 1, at: 0, on: false, node: 0 };
  const one = (kind: Kind, rest: Partial<Operation> = {}): Operation => ({ ...plain, kind, ...rest });
  const last: readonly Kind[] = ["removeMember", "leave"];
  const twoWays: readonly Kind[] = ["send", "batch", "flood", "clear", "setRole", "evict"];
  const first = (Object.keys(kinds) as Kind[]).filter((kind) => !last.includes(kind));
  return [...first, ...last].flatMap((kind) =>
    (twoWays.includes(kind) ? [true, false] : [true]).flatMap((on) =>
      [1, 3].flatMap((other) => [
        [one("send", { other, node: 1 })],
        [one("send", { by: 1, other: other === 1 ? 0 : other, on: true })],
        [one(kind, { other, on, at: kind === "edit" || kind === "delete" ? 1 : 0 })],
      ]),
    ),
  );
}

/** Does it on one of the nodes; what is refused changes nothing. */
export async function act(all: CacheNodes, room: Room, one: Operation): Promise<void> {
  const node = all.nodes[one.node === 0 ? 0 : 1];
  try {
    await deeds[one.kind]({ all, room, one, node, by: room.userIds[one.by] ?? 0 });
  } catch (error) {
    if (!(error instanceof OmError)) throw error;
  }
}

interface Deed {
  all: CacheNodes;
  room: Room;
  one: Operation;
  node: CacheNode;
  by: number;
}

const isGroup = ({ one }: Deed): boolean => one.other === 3;
const peerOf = ({ room, one }: Deed): number => room.userIds[one.other] ?? room.userIds[0] ?? 0;
const nameOf = (deed: Deed): string => (isGroup(deed) ? `group_${deed.room.groupId}` : `user_${peerOf(deed)}`);

/** A message that was sent before; the newest are picked more often. */
function messageAt({ room, one }: Deed): number {
  const { messageIds } = room;
  return messageIds.at(-1 - (one.at % Math.max(1, messageIds.length))) ?? 0;
}

async function send(deed: Deed, more: { content?: string; replyTo?: number; to?: number } = {}): Promise<void> {
  const { room, node, by } = deed;
  room.sent += 1;
  const body = {
    client_id: `${room.groupId}-${room.sent}`,
    content: more.content ?? `text ${room.sent}`,
    ...(more.replyTo === undefined ? {} : { reply_to_id: more.replyTo }),
  };
  const answer = isGroup(deed)
    ? await node.ask("groupSend", by, { params: { id: room.groupId }, body })
    : await node.ask("send", by, { body: { ...body, recipient_id: more.to ?? peerOf(deed) } });
  if (answer.startsWith("{")) room.messageIds.push((JSON.parse(answer) as { id: number }).id);
}

const ask = async <N extends RouteName>({ node, by }: Deed, name: N, said: Said<N>): Promise<void> =>
  void (await node.ask(name, by, said));

const inGroup = (deed: Deed): { params: { id: number } } => ({ params: { id: deed.room.groupId } });

const deeds: Record<Kind, (deed: Deed) => Promise<unknown>> = {
  send: (deed) => send(deed, deed.one.on ? { replyTo: messageAt(deed) } : {}),
  /** What arrives together is stored by one transaction, or two. */
  batch: (deed) =>
    Promise.all(
      [...deed.room.userIds, ...deed.room.userIds].map((to, index) =>
        send({ ...deed, by: deed.one.on ? (deed.room.userIds[index % 2] ?? 0) : deed.by }, { to }),
      ),
    ),
  /** More than a cached history keeps, or longer. */
  flood: (deed) =>
    Promise.all(
      Array.from({ length: deed.one.on ? 90 : 12 }, () =>
        send(deed, deed.one.on ? {} : { content: "سلام ".repeat(800) }),
      ),
    ),
  read: (deed) =>
    isGroup(deed)
      ? ask(deed, "groupRead", { ...inGroup(deed), body: { last_read_message_id: messageAt(deed) } })
      : frame(deed, "read"),
  readAll: (deed) => ask(deed, "markRead", { params: { peer_id: peerOf(deed) } }),
  delivered: (deed) => frame(deed, "delivery"),
  edit: (deed) =>
    ask(deed, "editMessage", { params: { id: messageAt(deed) }, body: { content: `edited ${deed.one.at}` } }),
  delete: (deed) => ask(deed, "deleteMessage", { params: { id: messageAt(deed) } }),
  clear: (deed) =>
    ask(deed, "deleteConversation", {
      params: { conversation_id: nameOf(deed) },
      query: { everyone: String(deed.one.on) },
    }),
  block: (deed) => ask(deed, "block", { params: { id: peerOf(deed) } }),
  unblock: (deed) => ask(deed, "unblock", { params: { id: peerOf(deed) } }),
  join: (deed) => ask(deed, "joinGroup", inGroup(deed)),
  leave: (deed) => ask(deed, "leaveGroup", inGroup(deed)),
  addMember: (deed) => ask(deed, "addMember", { ...inGroup(deed), body: { user_id: peerOf(deed) } }),
  removeMember: (deed) => ask(deed, "removeMember", { params: { id: deed.room.groupId, user_id: peerOf(deed) } }),
  setRole: (deed) =>
    ask(deed, "setRole", {
      params: { id: deed.room.groupId, user_id: peerOf(deed) },
      body: { role: deed.one.on ? "admin" : "member" },
    }),
  editGroup: (deed) => ask(deed, "editGroup", { ...inGroup(deed), body: { name: `named ${deed.one.at}` } }),
  setIcon: ({ node, by, room, one }) =>
    setIcon(
      { writes: node.cache.writes, views: faceless, announce: () => undefined },
      { userId: by },
      { groupId: room.groupId, url: `http://127.0.0.1/icon${one.at}` },
    ),
  rename: (deed) => ask(deed, "updateMe", { body: { full_name: `called ${deed.one.at}` } }),
  avatar: ({ node, by, one }) => avatarStore(node.cache.writes).set(by, `http://127.0.0.1/avatar${one.at}`),
  async lastSeen({ node, by, one }) {
    const lastSeen = createLastSeen({ writes: node.cache.writes, now: () => Date.now() + one.at * 1_000 });
    lastSeen.note(by);
    await lastSeen.flush();
  },
  /** Redis forgets something, or all. */
  async evict({ all, one }) {
    if (one.on) return all.command("FLUSHDB");
    const key = await all.command("RANDOMKEY");
    return Buffer.isBuffer(key) && all.command("DEL", key.toString());
  },
};

const faceless = createUserViews({ exposeEmails: false, lookup: async () => () => false });

async function frame(deed: Deed, type: "read" | "delivery"): Promise<void> {
  const caller = { userId: deed.by, email: "", role: "user" };
  const source = { caller, socketId: "", reply: () => undefined, ready: async () => undefined };
  await deed.node.useCases.features.frames[type](source, { message_id: messageAt(deed) });
}

/** Everything of the room that goes through the cache, as one viewer is told it by one node. */
export async function viewsOf(node: CacheNode, room: Room, viewer: number, limit: string): Promise<[string, string][]> {
  const views: [string, string][] = [];
  const add = async <N extends RouteName>(title: string, name: N, said: Said<N>): Promise<void> =>
    void views.push([title, await node.ask(name, viewer, said)]);
  await add("list", "conversations", { query: { limit } });
  await add("group", "groupHistory", { params: { id: room.groupId }, query: { limit } });
  await add("unread of the group", "unread", { params: { conversation_id: `group_${room.groupId}` } });
  for (const peer of room.userIds) {
    await add(`with ${peer}`, "history", { query: { recipient_id: String(peer), limit } });
    await add(`unread of ${peer}`, "unread", { params: { conversation_id: `user_${peer}` } });
  }
  return views;
}
