import { Packr } from "msgpackr";
import { Frame, type Push, type SessionEnd } from "./push.ts";

/**
 * An event between nodes, one msgpack array; whoever changes its layout takes another channel (redis-bus.ts).
 *
 *     [node, 1, userIds, frame's JSON, to resuming only, except | null, [conversationId, seq, id] | null, ordered]
 *     [node, 2, userId, sessionId, sessionIds]             the session ended
 *     [node, 3, userId, allBut | null, sessionIds]         all others ended
 */
const kinds = { push: 1, sessionEnd: 2, allButEnd: 3 } as const;

const packr = new Packr({ useRecords: false, int64AsType: "number" });

/** @param node who sends it */
export function encodeEvent(node: string, event: Push | SessionEnd): Buffer {
  if (!("ended" in event)) {
    const { userIds, frame, to, except = null, message, ordered = false } = event;
    const order = message === undefined ? null : [message.conversationId, message.seq, message.id];
    return packr.pack([node, kinds.push, userIds, frame.text, to === "resuming", except, order, ordered]);
  }
  const { userId, ended, sessionIds = [] } = event;
  return "sessionId" in ended
    ? packr.pack([node, kinds.sessionEnd, userId, ended.sessionId, sessionIds])
    : packr.pack([node, kinds.allButEnd, userId, ended.allBut ?? null, sessionIds]);
}

/** Tells whether this node sent a payload, without decoding it. */
export function ownEvents(node: string): (payload: Buffer) => boolean {
  const name = packr.pack(node);
  return (payload) => payload.subarray(1, 1 + name.length).equals(name);
}

/** Undefined: these bytes are no event. Never throws. */
export function decodeEvent(payload: Buffer): Push | SessionEnd | undefined {
  try {
    const parts: unknown = packr.unpack(payload);
    if (!Array.isArray(parts) || typeof parts[0] !== "string") return undefined;
    return parts[1] === kinds.push ? pushOf(parts) : sessionEndOf(parts);
  } catch {
    return undefined;
  }
}

function pushOf(parts: readonly unknown[]): Push | undefined {
  const [, , userIds, text, resumingOnly, except, order, ordered] = parts;
  if (parts.length !== 8 || !isIds(userIds) || typeof text !== "string") return undefined;
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
  const [, kind, userId, sessionId, sessionIds] = parts;
  if (parts.length !== 5 || !isId(userId) || !isIds(sessionIds)) return undefined;
  if (kind === kinds.sessionEnd && isId(sessionId)) return { userId, ended: { sessionId }, sessionIds };
  if (kind !== kinds.allButEnd || !(sessionId === null || isId(sessionId))) return undefined;
  return { userId, ended: { allBut: sessionId ?? undefined }, sessionIds };
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}

function isIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isId);
}
