import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from "node:crypto";
import { Packr } from "msgpackr";
import { Frame, type Push, type SessionEnd } from "./push.ts";

/**
 * What one node tells the others at once: a signature of all that follows, its name, the number of this payload among its own, then events, each a
 * msgpack array, one after the other; whoever changes the layout takes another channel (redis-bus.ts).
 *
 *     [1, userIds, frame's JSON, to resuming only, except | null, [conversationId, seq, id] | null, ordered]
 *     [2, userId, sessionId, sessionIds]             the session ended
 *     [3, userId, exceptSessionId | null, sessionIds]         all others ended
 */
const kinds = { push: 1, sessionEnd: 2, othersEnd: 3 } as const;

const packr = new Packr({ useRecords: false, int64AsType: "number" });

/** Bytes of a signature: HMAC-SHA256, cut as RFC 2104 allows. */
const signatureBytes = 16;

/** Signs what a node tells the others, so that nobody who has only Redis can tell them anything. */
export interface Signer {
  /** @param payload begins with room for the signature, which is written there */
  sign(payload: Buffer): void;
  isSigned(payload: Buffer): boolean;
}

/** @param secrets the first signs, each is accepted; "" is none */
export function createSigner(secrets: readonly string[]): Signer {
  const given = secrets.filter((secret) => secret !== "");
  const keys = given.map((secret) => createSecretKey(Buffer.from(hkdfSync("sha256", secret, "", "om bus events", 32))));
  const signature = (payload: Buffer, key: (typeof keys)[number]): Buffer =>
    createHmac("sha256", key).update(payload.subarray(signatureBytes)).digest().subarray(0, signatureBytes);
  return {
    sign(payload) {
      const [key] = keys;
      if (key !== undefined) signature(payload, key).copy(payload);
    },
    isSigned: (payload) =>
      payload.length > signatureBytes &&
      keys.some((key) => timingSafeEqual(signature(payload, key), payload.subarray(0, signatureBytes))),
  };
}

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

/** Makes the payloads of one node. */
export function createEncoder(node: string, { sign }: Pick<Signer, "sign">) {
  const room = Buffer.alloc(signatureBytes);
  const name = packr.pack(node);
  let number = 0;
  return {
    /** Tells whether this node sent a payload, without decoding it. */
    isOwn: (payload: Buffer): boolean => payload.subarray(signatureBytes, signatureBytes + name.length).equals(name),
    /** Payloads of at most `maxBytes`, as few as possible, with their events. One that holds a single event may be larger. */
    encode<Event extends Push | SessionEnd>(
      events: readonly Event[],
      maxBytes: number,
    ): { payload: Buffer; events: Event[] }[] {
      const payloads: { parts: Buffer[]; bytes: number; events: Event[] }[] = [];
      for (const event of events) {
        const part = encodeEvent(event);
        const last = payloads.at(-1);
        if (last === undefined || last.bytes + part.length > maxBytes) {
          const head = [room, name, packr.pack((number += 1))];
          const bytes = head.reduce((sum, { length }) => sum + length, part.length);
          payloads.push({ parts: [...head, part], bytes, events: [event] });
        } else {
          last.parts.push(part);
          last.bytes += part.length;
          last.events.push(event);
        }
      }
      return payloads.map(({ parts, bytes, events: within }) => {
        const payload = Buffer.concat(parts, bytes);
        sign(payload);
        return { payload, events: within };
      });
    },
  };
}

/** What a payload says, whoever signed it; undefined stands for what is no event. Never throws. */
export function decodeEvents(payload: Buffer): {
  node: string;
  number: number;
  events: (Push | SessionEnd | undefined)[];
} {
  const nothing = { node: "", number: 0, events: [undefined] };
  try {
    const [node, number, ...events] = packr.unpackMultiple(payload.subarray(signatureBytes)) as unknown[];
    if (typeof node !== "string" || !isId(number) || events.length === 0) return nothing;
    return {
      node,
      number,
      events: events.map((parts) => {
        if (!Array.isArray(parts)) return undefined;
        return parts[0] === kinds.push ? pushOf(parts) : sessionEndOf(parts);
      }),
    };
  } catch {
    return nothing;
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
