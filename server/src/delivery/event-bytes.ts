import { Packr } from "msgpackr";
import { Frame, type Push, type SessionEnd } from "./push.ts";

/**
 * What one node tells the others at once: its name, then events, each a msgpack array, one after the other; whoever changes the layout takes
 * another channel (redis-bus.ts).
 *
 *     [1, userIds, frame's JSON, to resuming only, except | null, [conversationId, seq, id] | null, ordered]
 *     [2, userId, sessionId, sessionIds]             the session ended
 *     [3, userId, exceptSessionId | null, sessionIds]         all others ended
 */
const kinds = { push: 1, sessionEnd: 2, othersEnd: 3 } as const;

const packr = new Packr({ useRecords: false, int64AsType: "number" });

/** An event without the name. */
function encodeEvent(event: Push | SessionEnd): Buffer {
  if (!("ended" in event)) {
    const { userIds, frame, to, except = null, message, ordered = false } = event;
    const order = message === undefined ? null : [message.conversationId, message.seq, message.id];
    return packr.pack([kinds.push, userIds, frame.text, to === "resuming", except, order, ordered]);
  }
  const { userId, ended, sessionIds = [] } = event;
  return "sessionId" in ended
    ? packr.pack([kinds.sessionEnd, userId, ended.sessionId, sessionIds])
    : packr.pack([kinds.othersEnd, userId, ended.exceptSessionId ?? null, sessionIds]);
}

/**
 * Payloads of at most `maxBytes`, as few as possible, with the number of their events. One that holds a single event may be larger.
 * @param node who sends them
 */
export function encodeEvents(
  node: string,
  events: readonly (Push | SessionEnd)[],
  maxBytes: number,
): { payload: Buffer; count: number }[] {
  const name = packr.pack(node);
  const payloads: { parts: Buffer[]; bytes: number }[] = [];
  for (const event of events) {
    const part = encodeEvent(event);
    const last = payloads.at(-1);
    if (last === undefined || last.bytes + part.length > maxBytes)
      payloads.push({ parts: [name, part], bytes: name.length + part.length });
    else {
      last.parts.push(part);
      last.bytes += part.length;
    }
  }
  return payloads.map(({ parts, bytes }) => ({ payload: Buffer.concat(parts, bytes), count: parts.length - 1 }));
}

/** Tells whether this node sent a payload, without decoding it. */
export function ownEvents(node: string): (payload: Buffer) => boolean {
  const name = packr.pack(node);
  return (payload) => payload.subarray(0, name.length).equals(name);
}

/** Undefined stands for what is no event. Never throws. */
export function decodeEvents(payload: Buffer): (Push | SessionEnd | undefined)[] {
  try {
    const [node, ...events] = packr.unpackMultiple(payload) as unknown[];
    if (typeof node !== "string" || events.length === 0) return [undefined];
    return events.map((parts) => {
      if (!Array.isArray(parts)) return undefined;
      return parts[0] === kinds.push ? pushOf(parts) : sessionEndOf(parts);
    });
  } catch {
    return [undefined];
  }
}

function pushOf(parts: readonly unknown[]): Push | undefined {
  const [, userIds, text, resumingOnly, except, order, ordered] = parts;
  if (parts.length !== 7 || !isIds(userIds) || typeof text !== "string") return undefined;
  if (typeof resumingOnly !== "boolean" || typeof ordered !== "boolean") return undefined;
  if (except !== null && typeof except !== "string") return undefined;
  if (order !== null && !isIds(order)) return undefined;
  const push: Push = { userIds, frame: new Frame(text), to: resumingOnly ? "resuming" : "all" };
  if (except !== null) push.except = except;
  if (ordered) push.ordered = true;
  if (order === null) return push;
  const [conversationId, seq, id] = order;
  if (conversationId === undefined || seq === undefined || id === undefined) return undefined;
  push.message = { conversationId, seq, id };
  return push;
}

function sessionEndOf(parts: readonly unknown[]): SessionEnd | undefined {
  const [kind, userId, sessionId, sessionIds] = parts;
  if (parts.length !== 4 || !isId(userId) || !isIds(sessionIds)) return undefined;
  if (kind === kinds.sessionEnd && isId(sessionId)) return { userId, ended: { sessionId }, sessionIds };
  if (kind !== kinds.othersEnd || !(sessionId === null || isId(sessionId))) return undefined;
  return { userId, ended: { exceptSessionId: sessionId ?? undefined }, sessionIds };
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}

function isIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isId);
}
