import {
  conversationOf,
  messageOf,
  objectOf,
  participantOf,
  applyHead,
  type Conversation,
  type Message,
  type Participant,
} from "./conversation.ts";
import type { LogRow } from "./log.ts";

/** Everything that answers show, as PostgreSQL holds it after some transaction. */
export interface World {
  /** Takes in one transaction. @returns the objects that it changed */
  take(rows: readonly LogRow[], note: (effect: string, at: number) => void): Set<string>;
  version(object: string): number;
  /** Of `conv:1:2`, `group:3`, `unread:1:2` and `member:3:1`. */
  conversation(object: string): Conversation | undefined;
  conversationsOf(userId: number): Conversation[];
  fullName(userId: number): string;
  groupName(groupId: number): string;
  isBlocked(viewer: number, other: number): boolean;
}

interface Tables {
  conversations: Map<number, Conversation>;
  byObject: Map<string, Conversation>;
  byUser: Map<number, Set<Conversation>>;
  names: Map<number, { name: string; changes: number }>;
  groupNames: Map<number, string>;
  listVers: Map<number, number>;
  blocks: Set<string>;
}

type Note = (effect: string, at: number) => void;

export function createWorld(): World {
  const tables: Tables = {
    conversations: new Map(),
    byObject: new Map(),
    byUser: new Map(),
    names: new Map(),
    groupNames: new Map(),
    listVers: new Map(),
    blocks: new Set(),
  };
  const { byObject, byUser, names, groupNames, listVers, blocks } = tables;
  const conversation = (object: string): Conversation | undefined => {
    const [kind, one, other] = object.split(":");
    if (kind === "member") return byObject.get(`group:${one}`);
    if (kind !== "unread") return byObject.get(object);
    const [lo, hi] = [Number(one), Number(other)].sort((a, b) => a - b);
    return byObject.get(`conv:${lo}:${hi}`);
  };
  return {
    take(rows, note) {
      const changed = new Set<string>();
      // Conversations first: their participants and messages need them.
      for (const row of rows) if (row.what === "conversations") takeConversation(tables, row);
      for (const row of rows) for (const object of takeRow(tables, row, note)) changed.add(object);
      return changed;
    },
    version(object) {
      const [kind, id] = object.split(":");
      if (kind === "convlist") return listVers.get(Number(id)) ?? 0;
      if (kind === "profile") return names.get(Number(id))?.changes ?? 0;
      if (kind === "blocks") return 0;
      return conversation(object)?.ver ?? 0;
    },
    conversation,
    conversationsOf: (userId) => [...(byUser.get(userId) ?? [])],
    fullName: (userId) => names.get(userId)?.name ?? "",
    groupName: (groupId) => groupNames.get(groupId) ?? "",
    isBlocked: (viewer, other) => blocks.has(`${viewer} ${other}`),
  };
}

function takeConversation({ conversations, byObject }: Tables, { row }: LogRow): Conversation {
  const known = conversations.get(Number(row["id"])) ?? conversationOf(row);
  conversations.set(known.id, known);
  byObject.set(objectOf(known), known);
  return known;
}

/** A change of a direct conversation holds the locks of both lists and may show in them; one of a group holds no list's. */
function shownIn(conversation: Conversation): string[] {
  const { lo, hi, groupId } = conversation;
  if (groupId !== null) return [objectOf(conversation)];
  return [objectOf(conversation), `unread:${lo}:${hi}`, `unread:${hi}:${lo}`, `convlist:${lo}`, `convlist:${hi}`];
}

/** @returns the objects that the row is participant of */
function takeRow(tables: Tables, { what, row, at }: LogRow, note: Note): string[] {
  const { conversations, names, groupNames, listVers, blocks } = tables;
  const say = (effect: string): void => note(effect, at);
  const id = Number(row["id"]);
  switch (what) {
    case "conversations": {
      const conversation = conversations.get(id);
      if (conversation !== undefined) applyHead(conversation, row);
      return conversation === undefined ? [] : shownIn(conversation);
    }
    case "messages": {
      const conversation = conversations.get(Number(row["conversation_id"]));
      return conversation === undefined ? [] : applyMessage(conversation, messageOf(row), say);
    }
    case "participants":
      return applyParticipant(tables, row, say);
    case "user_state":
      listVers.set(Number(row["user_id"]), Number(row["list_ver"]));
      return [`convlist:${String(row["user_id"])}`];
    case "users": {
      const name = String(row["full_name"]);
      names.set(id, { name, changes: (names.get(id)?.changes ?? 0) + 1 });
      say(`named ${id} ${name}`);
      return [`profile:${id}`];
    }
    case "groups":
      groupNames.set(id, String(row["name"]));
      say(`group named ${id} ${String(row["name"])}`);
      return [`group:${id}`];
    case "blocks":
      blocks.add(blockOf(row));
      say(`blocked ${blockOf(row)}`);
      return [`blocks:${blockOf(row).replace(" ", ":")}`];
    case "blocks gone":
      blocks.delete(blockOf(row));
      say(`unblocked ${blockOf(row)}`);
      return [`blocks:${blockOf(row).replace(" ", ":")}`];
    default:
      return [];
  }
}

const blockOf = (row: LogRow["row"]): string => `${Number(row["blocker_id"])} ${Number(row["blocked_id"])}`;

function applyMessage(conversation: Conversation, message: Message, say: (effect: string) => void): string[] {
  const { messages } = conversation;
  if (message.deleted && messages[message.seq - 1]?.deleted === false) say(`deleted ${message.id}`);
  messages[message.seq - 1] = message;
  return shownIn(conversation);
}

function applyParticipant(
  { conversations, byUser }: Tables,
  row: LogRow["row"],
  say: (effect: string) => void,
): string[] {
  const conversation = conversations.get(Number(row["conversation_id"]));
  if (conversation === undefined) return [];
  const userId = Number(row["user_id"]);
  const object = objectOf(conversation);
  const before = conversation.participants.get(userId);
  const participant = participantOf(row);
  conversation.participants.set(userId, participant);
  const all = byUser.get(userId) ?? new Set();
  byUser.set(userId, all.add(conversation));
  for (const effect of effectsOf(before, participant)) say(`${effect} ${object} ${userId}`);
  const { groupId } = conversation;
  return groupId === null ? shownIn(conversation) : [object, `member:${groupId}:${userId}`];
}

function effectsOf(before: Participant | undefined, participant: Participant): string[] {
  const effects: string[] = [];
  if (participant.readSeq > (before?.readSeq ?? 0)) effects.push("read");
  if (participant.clearedSeq > (before?.clearedSeq ?? 0)) effects.push("cleared");
  if (!participant.left && before?.left !== false) effects.push("joined");
  if (participant.left && before?.left === false) effects.push("left");
  return effects;
}
