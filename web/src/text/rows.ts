import { dayOf } from "../i18n/dates.ts";
import type { ChatMessage, Pending } from "../store/model.ts";

/** What stands below each other in a talk. `starts` and `ends`: of what one person wrote in one go. */
export type Row =
  | { kind: "day"; key: string; at: number }
  | { kind: "unread"; key: string }
  | { kind: "message"; key: string; message: ChatMessage; starts: boolean; ends: boolean }
  | { kind: "pending"; key: string; pending: Pending; starts: boolean; ends: boolean };

/** What is further apart is not one go, in ms. */
const pauseMs = 5 * 60_000;

interface Given {
  messages: readonly ChatMessage[];
  pending: readonly Pending[];
  selfId: number;
  /** The last message that was read when the talk was opened; undefined: all were. */
  readUpTo: number | undefined;
  /** There is nothing older. */
  isComplete: boolean;
}

export function rowsOf({ messages, pending, selfId, readUpTo, isComplete }: Given): Row[] {
  const rows: Row[] = [];
  let previous: ChatMessage | undefined;
  // Where the first of these is unread already, the first unread one may be older.
  let isMarked = readUpTo === undefined || (!isComplete && (messages[0]?.id ?? 0) > readUpTo);
  for (const [index, message] of messages.entries()) {
    if (previous === undefined || dayOf(previous.at) !== dayOf(message.at))
      rows.push({
        kind: "day",
        key: `d${dayOf(message.at)}-${previous === undefined ? 0 : message.id}`,
        at: message.at,
      });
    if (!isMarked && readUpTo !== undefined && message.id > readUpTo && message.senderId !== selfId) {
      rows.push({ kind: "unread", key: "unread" });
      isMarked = true;
      previous = undefined;
    }
    const next = messages[index + 1];
    const ends = next === undefined ? !(message.senderId === selfId && pending.length > 0) : !isOneGo(message, next);
    const key = keyOf(message, selfId);
    rows.push({ kind: "message", key, message, starts: previous === undefined || !isOneGo(previous, message), ends });
    previous = message;
  }
  for (const [index, one] of pending.entries()) {
    const starts = index === 0 && previous?.senderId !== selfId;
    rows.push({ kind: "pending", key: `c${one.clientId}`, pending: one, starts, ends: index === pending.length - 1 });
  }
  return rows;
}

/** An own message keeps its place on the screen when the server has it. */
function keyOf({ id, clientId, senderId }: ChatMessage, selfId: number): string {
  return senderId === selfId && clientId !== "" ? `c${clientId}` : `m${id}`;
}

function isOneGo(a: ChatMessage, b: ChatMessage): boolean {
  return a.senderId === b.senderId && b.at - a.at < pauseMs && dayOf(a.at) === dayOf(b.at);
}
