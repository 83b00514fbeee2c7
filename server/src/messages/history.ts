import {
  withReply,
  type ConversationRow,
  type MessageExtras,
  type MessageTuple,
} from "../conversations/conversation-row.ts";

/** How far one of the two people of a direct conversation is, by seq. */
export type Position = [userId: number, read: number, delivered: number, cleared: number];

/** The newest messages of a conversation, without deleted ones, as one version has them, and what decides who sees them. */
export interface History extends Pick<ConversationRow, "lo" | "hi" | "group_id" | "ver" | "seq"> {
  /** 0: there is no such conversation. */
  conversation_id: number;
  /** Deleted for everybody up to. */
  cleared_seq: number;
  /** Every message from this seq on is here. */
  from: number;
  /** Of a direct conversation. */
  positions: Position[];
  /** Ascending. A reply carries what it replies to, unless that is deleted, whoever may see it. */
  messages: MessageTuple[];
}

const shape = "h2";

/*
 * Records, in order of version: one head, then messages, then what happened since.
 *   ["h", shape, conversation, lo, hi, group, seq, cleared, from, positions]   ["m", ...MessageTuple]
 *   ["x", message, ver, extras]   ["e", message, ver, content, version, type]   ["d", message, ver]   ["p", user, read, delivered]  (null: as before)
 */
type HeadRecord = ReturnType<typeof headRecord>;
type MessageRecord = ["m", ...MessageTuple];
export type EditRecord = ["e", id: number, ver: number, content: string, version: number, type: MessageTuple[5]];
export type ExtrasRecord = ["x", id: number, ver: number, extras: MessageExtras | null];
export type DeleteRecord = ["d", id: number, ver: number];
export type PositionRecord = ["p", userId: number, read: number | null, delivered: number | null];

export function headRecord({ conversation_id: id, lo, hi, group_id, seq, cleared_seq, from, positions }: History) {
  return ["h", shape, id, lo, hi, group_id, seq, cleared_seq, from, positions] as const;
}

export function messageRecord(tuple: MessageTuple): MessageRecord {
  return ["m", ...tuple];
}

/** Of no conversation. */
const noHead: HeadRecord = ["h", shape, 0, null, null, null, 0, 0, 1, []];

/** The history that records make; undefined when they were written in another shape or have no head. */
export function foldHistory(records: readonly unknown[], ver: number): History | undefined {
  const [head, ...rest] = records.length === 0 && ver === 0 ? [noHead] : records;
  if (!Array.isArray(head) || head[0] !== "h" || head[1] !== shape) return undefined;
  const [, , conversation_id, lo, hi, group_id, seq, cleared_seq, from, positions] = head as unknown as HeadRecord;
  const history: History = { conversation_id, lo, hi, group_id, ver, seq, cleared_seq, from, positions, messages: [] };
  for (const record of rest) if (!applyTo(history, record)) return undefined;
  return history;
}

/** How many elements each kind of record has; another number is another shape, as a newer server may append it. */
const widths: Readonly<Record<string, number>> = { m: 14, x: 4, e: 6, d: 3, p: 4 };

/** Changes the history, which is still being made. @returns false for a record of another shape */
function applyTo(history: History, record: unknown): boolean {
  if (!Array.isArray(record)) return false;
  const [kind, ...tuple] = record as [string, ...unknown[]];
  if (record.length !== widths[kind]) return false;
  if (kind === "m") append(history, tuple as MessageTuple);
  else if (kind === "e") edit(history, record as EditRecord);
  else if (kind === "x") setExtras(history, record as ExtrasRecord);
  else if (kind === "d") remove(history, record[1] as number);
  else if (kind === "p") applyPosition(history, record as PositionRecord);
  else return false;
  return true;
}

function append(history: History, tuple: MessageTuple): void {
  history.messages.push(tuple);
  history.seq = Math.max(history.seq, tuple[1]);
}

function edit(history: History, [, id, ver, content, version, type]: EditRecord): void {
  const changed = (tuple: MessageTuple): MessageTuple => {
    const copy: MessageTuple = [...tuple];
    [copy[2], copy[5], copy[6], copy[7]] = [ver, type, content, version];
    return copy;
  };
  history.messages = history.messages.map((tuple) => {
    if (tuple[0] === id) return changed(tuple);
    return tuple[10] === id && tuple[11] !== null ? withReply(tuple, changed(tuple[11])) : tuple;
  });
}

function setExtras(history: History, [, id, ver, extras]: ExtrasRecord): void {
  history.messages = history.messages.map((tuple) => {
    if (tuple[0] === id) return tuple.with(2, ver).with(12, extras) as MessageTuple;
    return tuple[10] === id && tuple[11] !== null ? withReply(tuple, tuple[11].with(2, ver) as MessageTuple) : tuple;
  });
}

function remove(history: History, id: number): void {
  history.messages = history.messages
    .filter((tuple) => tuple[0] !== id)
    .map((tuple) => (tuple[10] === id ? withReply(tuple, null) : tuple));
}

function applyPosition(history: History, [, userId, read, delivered]: PositionRecord): void {
  history.positions = history.positions.map((position) =>
    position[0] === userId ? [userId, read ?? position[1], delivered ?? position[2], position[3]] : position,
  );
}

/** The newest page as the database would have read it, without profiles; undefined: it goes further back than what is here. */
export function pageOf(
  history: History,
  viewer: { userId: number; clearedSeq: number },
  limit: number,
): ConversationRow | undefined {
  const cleared = Math.max(viewer.clearedSeq, history.cleared_seq);
  const isSeen = (tuple: MessageTuple): boolean => tuple[1] > cleared && (!tuple[9] || tuple[3] === viewer.userId);
  const messages: MessageTuple[] = [];
  for (let index = history.messages.length - 1; index >= 0 && messages.length < limit; index--) {
    const tuple = history.messages[index];
    if (tuple === undefined || !isSeen(tuple)) continue;
    const reply = tuple[11];
    messages.push(reply === null || isSeen(reply) ? tuple : withReply(tuple, null));
  }
  if (messages.length < limit && history.from > cleared + 1) return undefined;
  const [lo, hi] = history.positions;
  return {
    ...history,
    lo_read: lo?.[1] ?? null,
    lo_delivered: lo?.[2] ?? null,
    hi_read: (hi ?? lo)?.[1] ?? null,
    hi_delivered: (hi ?? lo)?.[2] ?? null,
    profiles: [],
    messages,
  };
}
