import { withReply, type ConversationRow, type MessageCells } from "../conversations/conversation-row.ts";

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
  messages: MessageCells[];
}

const shape = "h1";

/*
 * Records, in order of version: one head, then messages, then what happened since.
 *   ["h", shape, conversation, lo, hi, group, seq, cleared, from, positions]   ["m", ...MessageCells]
 *   ["e", message, ver, content, version, type]   ["d", message, ver]   ["p", user, read, delivered]  (null: as before)
 */
type HeadRecord = ReturnType<typeof headRecord>;
type MessageRecord = ["m", ...MessageCells];
export type EditRecord = ["e", id: number, ver: number, content: string, version: number, type: MessageCells[5]];
export type DeleteRecord = ["d", id: number, ver: number];
export type PositionRecord = ["p", userId: number, read: number | null, delivered: number | null];

export function headRecord({ conversation_id: id, lo, hi, group_id, seq, cleared_seq, from, positions }: History) {
  return ["h", shape, id, lo, hi, group_id, seq, cleared_seq, from, positions] as const;
}

export function messageRecord(cells: MessageCells): MessageRecord {
  return ["m", ...cells];
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
const widths: Readonly<Record<string, number>> = { m: 13, e: 6, d: 3, p: 4 };

/** Changes the history, which is still being made. @returns false for a record of another shape */
function applyTo(history: History, record: unknown): boolean {
  if (!Array.isArray(record)) return false;
  const [kind, ...cells] = record as [string, ...unknown[]];
  if (record.length !== widths[kind]) return false;
  if (kind === "m") append(history, cells as MessageCells);
  else if (kind === "e") edit(history, record as EditRecord);
  else if (kind === "d") remove(history, record[1] as number);
  else if (kind === "p") move(history, record as PositionRecord);
  else return false;
  return true;
}

function append(history: History, cells: MessageCells): void {
  history.messages.push(cells);
  history.seq = Math.max(history.seq, cells[1]);
}

function edit(history: History, [, id, ver, content, version, type]: EditRecord): void {
  const changed = (cells: MessageCells): MessageCells => {
    const copy: MessageCells = [...cells];
    [copy[2], copy[5], copy[6], copy[7]] = [ver, type, content, version];
    return copy;
  };
  history.messages = history.messages.map((cells) => {
    if (cells[0] === id) return changed(cells);
    return cells[10] === id && cells[11] !== null ? withReply(cells, changed(cells[11])) : cells;
  });
}

function remove(history: History, id: number): void {
  history.messages = history.messages
    .filter((cells) => cells[0] !== id)
    .map((cells) => (cells[10] === id ? withReply(cells, null) : cells));
}

function move(history: History, [, userId, read, delivered]: PositionRecord): void {
  history.positions = history.positions.map((position) =>
    position[0] === userId ? [userId, read ?? position[1], delivered ?? position[2], position[3]] : position,
  );
}

/** The newest page as the database would have read it, without people; undefined: it goes further back than what is here. */
export function pageOf(
  history: History,
  viewer: { userId: number; clearedSeq: number },
  limit: number,
): ConversationRow | undefined {
  const cleared = Math.max(viewer.clearedSeq, history.cleared_seq);
  const isSeen = (cells: MessageCells): boolean => cells[1] > cleared && (!cells[9] || cells[3] === viewer.userId);
  const messages: MessageCells[] = [];
  for (let index = history.messages.length - 1; index >= 0 && messages.length < limit; index--) {
    const cells = history.messages[index];
    if (cells === undefined || !isSeen(cells)) continue;
    const reply = cells[11];
    messages.push(reply === null || isSeen(reply) ? cells : withReply(cells, null));
  }
  if (messages.length < limit && history.from > cleared + 1) return undefined;
  const [lo, hi] = history.positions;
  return {
    ...history,
    lo_read: lo?.[1] ?? null,
    lo_delivered: lo?.[2] ?? null,
    hi_read: (hi ?? lo)?.[1] ?? null,
    hi_delivered: (hi ?? lo)?.[2] ?? null,
    people: [],
    messages,
  };
}
