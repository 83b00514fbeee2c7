import type { Conversation, ConversationSettings, Message, MessageType, RepliedMessage, User } from "@om/protocol";
import type { Target } from "@om/client";

/** What a user is called and looks like here. */
export interface Person {
  id: number;
  username: string;
  fullName: string;
  picture: string;
  isOnline: boolean;
  /** ms; 0: not told. */
  lastSeen: number;
  /** Of the face that this came from; 0: of an answer that tells none. */
  ver: number;
}

/** What a message that is being written says beside its text. */
export type Extras = Partial<Pick<Pending, "type" | "quote" | "mentions" | "forward">>;

/** A message as the page needs it. */
export interface ChatMessage {
  id: number;
  seq: number;
  talkId: string;
  clientId: string;
  senderId: number;
  text: string;
  type: MessageType;
  /** ms. */
  at: number;
  isEdited: boolean;
  quote: Quote | undefined;
  /** Ids of people. */
  mentions: readonly number[];
  /** Who wrote it first, of a message that was passed on. */
  forwardedFrom: number | undefined;
  reactions: readonly { emoji: string; userIds: readonly number[] }[];
}

/** What a message replies to; `text` is undefined when it cannot be seen any more. */
export interface Quote {
  id: number;
  senderId: number;
  text: string | undefined;
  type: MessageType;
}

/** An own message that the server does not have yet. */
export interface Pending {
  clientId: string;
  talkId: string;
  text: string;
  type: MessageType;
  /** ms; 0: of an earlier visit. */
  at: number;
  quote: Quote | undefined;
  mentions?: readonly number[];
  /** The message that this one passes on, and who wrote it first. */
  forward?: { id: number; from: number };
  /** A code of the protocol, when the server would not take it. */
  refusal?: { code: string; text: string };
}

/** A conversation as the list shows it. */
export interface Talk {
  /** `user_<id>` or `group_<id>`. */
  id: string;
  /** Of a group; a person's are with the person. */
  name: string;
  picture: string;
  memberCount: number;
  unread: number;
  /** How many of these mention me. */
  mentions: number;
  /** ms of the last activity. */
  at: number;
  last: ChatMessage | undefined;
  /** How far I have read, and how far the other person has come (of a group: anybody), as message ids. */
  seen: number;
  read: number;
  delivered: number;
  /** The messages from this seq on are in the browser, all of them; undefined: none. */
  from: number | undefined;
  /** How I keep it, on all my devices. */
  settings: ConversationSettings;
}

export function targetOfTalk(id: string): Target {
  const [kind, number] = id.split("_");
  return kind === "group" ? { groupId: Number(number) } : { userId: Number(number) };
}

/** The person of a direct talk. */
export function peerOf(talkId: string): number | undefined {
  const target = targetOfTalk(talkId);
  return "userId" in target ? target.userId : undefined;
}

export function emptyTalk(id: string): Talk {
  const none = { name: "", picture: "", memberCount: 0, unread: 0, mentions: 0, at: 0, last: undefined };
  return { id, ...none, seen: 0, read: 0, delivered: 0, from: undefined, settings: {} };
}

type Written = Pick<
  Message | RepliedMessage,
  "id" | "seq" | "client_id" | "sender_id" | "content" | "message_type" | "created_at_unix" | "created_at"
>;

/** @param talkId a message inside another may name its conversation otherwise */
export function messageOf(
  message: Written & { version?: number; reply_to?: RepliedMessage; reply_to_id?: number } & Partial<
      Pick<Message, "reactions" | "mentions" | "forwarded_from">
    >,
  talkId: string,
): ChatMessage {
  return {
    id: message.id,
    seq: message.seq,
    talkId,
    clientId: message.client_id,
    senderId: message.sender_id,
    text: message.content,
    type: message.message_type,
    at: Date.parse(message.created_at) || message.created_at_unix * 1000,
    isEdited: (message.version ?? 1) > 1,
    quote: quoteOf(message),
    mentions: message.mentions ?? [],
    forwardedFrom: message.forwarded_from,
    reactions: (message.reactions ?? []).map(({ emoji, user_ids: userIds }) => ({ emoji, userIds })),
  };
}

function quoteOf({ reply_to: replied, reply_to_id: id }: { reply_to?: RepliedMessage; reply_to_id?: number }) {
  if (replied !== undefined)
    return { id: replied.id, senderId: replied.sender_id, text: replied.content, type: replied.message_type };
  return id === undefined ? undefined : { id, senderId: 0, text: undefined, type: "text" as const };
}

type Seen = Pick<User, "id" | "username" | "full_name" | "avatar"> & Partial<User>;

/** @param known what else is known of the person, which this answer may not tell */
export function personOf(user: Seen, known?: Person): Person {
  return {
    id: user.id,
    username: user.username,
    fullName: user.full_name,
    picture: user.avatar,
    isOnline: user.is_online ?? known?.isOnline ?? false,
    lastSeen: typeof user.last_seen === "string" ? Date.parse(user.last_seen) : (known?.lastSeen ?? 0),
    ver: known?.ver ?? 0,
  };
}

/** A head of the server over what is known of the talk. */
export function talkOf(head: Conversation, known: Talk = emptyTalk(head.conversation_id)): Talk {
  const { group, last_message: last, my_position: mine, peer_position: theirs } = head;
  const isCleared = known.last !== undefined && known.last.seq <= head.cleared_seq;
  return {
    ...known,
    name: group?.name ?? "",
    picture: group?.icon ?? "",
    memberCount: group?.member_count ?? 0,
    unread: head.unread_count,
    mentions: head.mention_count ?? 0,
    settings: head.settings ?? {},
    at: Math.max(Date.parse(head.last_activity) || 0, isCleared ? 0 : known.at),
    last: last === null ? undefined : messageOf(last, known.id),
    seen: Math.max(known.seen, mine.read_message_id),
    read: Math.max(known.read, theirs?.read_message_id ?? 0),
    delivered: Math.max(known.delivered, theirs?.delivered_message_id ?? 0, theirs?.read_message_id ?? 0),
  };
}
