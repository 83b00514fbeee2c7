/** A conversation as PostgreSQL holds it, rebuilt row by row. */
export interface Conversation {
  readonly id: number;
  /** The two people of a direct one, in ascending order; both null for a group. */
  readonly lo: number | null;
  readonly hi: number | null;
  readonly groupId: number | null;
  ver: number;
  seq: number;
  lastMessageId: number | null;
  lastMessageAt: string | null;
  members: number;
  /** By `seq`, from 1 on. */
  readonly messages: Message[];
  readonly participants: Map<number, Participant>;
}

export interface Message {
  id: number;
  seq: number;
  ver: number;
  senderId: number;
  type: string;
  content: string;
  version: number;
  replyToId: number | null;
  hidden: boolean;
  deleted: boolean;
}

/** One user in it. */
export interface Participant {
  readSeq: number;
  deliveredSeq: number;
  clearedSeq: number;
  clearedId: number;
  sent: number;
  sentAtRead: number;
  skipped: number;
  lastVisibleId: number | null;
  lastVisibleAt: string | null;
  left: boolean;
}

type Row = Readonly<Record<string, unknown>>;
const whole = (value: unknown): number => Number(value ?? 0);
const wholeOrNull = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));
const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

export function conversationOf(row: Row): Conversation {
  const [lo, hi, groupId] = [wholeOrNull(row["lo"]), wholeOrNull(row["hi"]), wholeOrNull(row["group_id"])];
  const messages: Message[] = [];
  const head = { ver: 0, seq: 0, lastMessageId: null, lastMessageAt: null, members: 0 };
  return { id: whole(row["id"]), lo, hi, groupId, ...head, messages, participants: new Map() };
}

export function applyHead(conversation: Conversation, row: Row): void {
  conversation.ver = whole(row["ver"]);
  conversation.seq = whole(row["seq"]);
  conversation.lastMessageId = wholeOrNull(row["last_message_id"]);
  conversation.lastMessageAt = textOrNull(row["last_message_at"]);
  conversation.members = whole(row["members"]);
}

export function messageOf(row: Row): Message {
  return {
    id: whole(row["id"]),
    seq: whole(row["seq"]),
    ver: whole(row["ver"]),
    senderId: whole(row["sender_id"]),
    type: String(row["message_type"]),
    content: String(row["content"]),
    version: whole(row["version"]),
    replyToId: wholeOrNull(row["reply_to_id"]),
    hidden: row["hidden"] === true,
    deleted: textOrNull(row["deleted_at"]) !== null,
  };
}

export function participantOf(row: Row): Participant {
  return {
    readSeq: whole(row["read_seq"]),
    deliveredSeq: whole(row["delivered_seq"]),
    clearedSeq: whole(row["cleared_seq"]),
    clearedId: whole(row["cleared_id"]),
    sent: whole(row["sent"]),
    sentAtRead: whole(row["sent_at_read"]),
    skipped: whole(row["skipped"]),
    lastVisibleId: wholeOrNull(row["last_visible_id"]),
    lastVisibleAt: textOrNull(row["last_visible_at"]),
    left: textOrNull(row["left_at"]) !== null,
  };
}

/** The name of its lock, and of its key in the cache. */
export function objectOf({ lo, hi, groupId }: Pick<Conversation, "lo" | "hi" | "groupId">): string {
  return groupId === null ? `conv:${lo}:${hi}` : `group:${groupId}`;
}

/** Its name as one of the two sees it. */
export function wireIdOf({ lo, hi, groupId }: Conversation, viewer: number): string {
  return groupId === null ? `user_${peerOf({ lo, hi }, viewer)}` : `group_${groupId}`;
}

export function peerOf({ lo, hi }: Pick<Conversation, "lo" | "hi">, viewer: number): number {
  return (lo === viewer ? hi : lo) ?? 0;
}
