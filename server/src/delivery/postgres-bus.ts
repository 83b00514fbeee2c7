import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { monotonic } from "../platform/clock.ts";
import { deferred, type Deferred } from "../platform/deferred.ts";
import { Notifications, type NotificationOptions } from "../platform/postgres/notifications.ts";
import {
  createSharedBus,
  maxPayloadBytes,
  type Carrier,
  type CarrierEvents,
  type SharedBus,
  type SharedBusOptions,
} from "./shared-bus.ts";

/** Name of the channel, which each database has for itself; whoever changes what is notified takes another. */
const channel = "om_bus";
/** From one transaction to the next, in ms: so no node makes more than fifty per second, however much it sends. */
const pauseMs = 20;
/** How often a node shows that it is there, and for how long one that is not heard is believed to be, in ms. */
const beatMs = 5_000;
const othersMs = 15_000;
/** How long a stop waits for what has gathered, in ms. */
const partingMs = 1_000;
/** Bytes of payload in one notification, whose text may have 7,999. */
const pieceBytes = 5_900;
/** Bytes that may wait for the next transaction; what comes then is lost. */
const maxWaitingBytes = 8 * maxPayloadBytes;
/** As many nodes may send in pieces at the same time. */
const maxSenders = 100;

/**
 * The bus of nodes that share a PostgreSQL alone: NOTIFY on one channel, all that has gathered in one transaction. Payloads travel in the
 * notifications themselves, in pieces: there is no table to write, read and clean, and nothing on disk. A node that has heard no other one for
 * 15 s sends nothing.
 */
export function createPostgresBus(options: PostgresPlace & SharedBusOptions): SharedBus {
  return createSharedBus((on) => postgresCarrier(options, on), options);
}

interface PostgresPlace {
  primary: NotificationOptions["primary"];
  timing?: { beatMs: number; othersMs: number };
}

function postgresCarrier({ primary, timing = { beatMs, othersMs } }: PostgresPlace, on: CarrierEvents): Carrier {
  const name = randomBytes(9).toString("base64url");
  const assemble = createAssembler(on.payload);
  // Whoever begins to listen is heard at once, and whoever was there before within a beat.
  let heardAt = monotonic();
  const notifications = new Notifications({
    primary,
    channel,
    beat: { text: name, everyMs: timing.beatMs },
    onNotified(text) {
      if (text === name || text.startsWith(`${name} `)) return;
      heardAt = monotonic();
      assemble(text);
    },
    onChange(listening) {
      assemble.clear();
      heardAt = monotonic();
      on.listening(listening);
    },
    onDisconnected: on.failed,
  });
  const gathered = createGathered((texts) => notifications.send(texts), name);
  return {
    start: () => notifications.start(),
    get usable() {
      return notifications.listening;
    },
    get isAlone() {
      return notifications.listening && monotonic() - heardAt > timing.othersMs;
    },
    send: gathered,
    isOutage: () => true,
    async [Symbol.asyncDispose]() {
      // The others do not look for what a node that stops has published until some seconds later.
      await Promise.race([gathered.sent(), delay(partingMs, undefined, { ref: false })]);
      await notifications[Symbol.asyncDispose]();
    },
  };
}

/** Sends what has gathered while the last transaction was on its way, and a little longer. @returns what takes one payload; `sent`: whether all is */
function createGathered(notify: (texts: string[]) => Promise<void>, name: string) {
  let waiting: { payload: Buffer; sent: Deferred<void> }[] = [];
  let bytes = 0;
  let last: Promise<unknown> = Promise.resolve();
  let isSending = false;

  async function sendAll(): Promise<void> {
    isSending = true;
    while (waiting.length > 0) {
      const began = monotonic();
      const batch = waiting;
      [waiting, bytes] = [[], 0];
      const sent = notify(
        piecesOf(
          batch.map(({ payload }) => payload),
          name,
        ),
      );
      await sent.then(
        () => batch.forEach((one) => one.sent.resolve()),
        (error: unknown) => batch.forEach((one) => one.sent.reject(error)),
      );
      await delay(Math.max(0, began + pauseMs - monotonic()), undefined, { ref: false });
    }
    isSending = false;
  }

  const send: Carrier["send"] = (payload) => {
    if (bytes + payload.length > maxWaitingBytes) return Promise.reject(new Error("too much waits to be sent"));
    const sent = deferred();
    last = sent.promise.catch(() => undefined);
    waiting.push({ payload, sent });
    bytes += payload.length;
    // What is published in this turn goes together.
    if (!isSending) queueMicrotask(() => void (isSending || sendAll()));
    return sent.promise;
  };
  return Object.assign(send, { sent: () => last });
}

/** Payloads, each behind its length, as texts `<sender> <number of the piece> <of how many> <base64>`: PostgreSQL passes equal texts on once only. */
export function piecesOf(payloads: readonly Buffer[], sender: string): string[] {
  const parts = payloads.flatMap((payload) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(payload.length);
    return [length, payload];
  });
  const all = Buffer.concat(parts);
  const count = Math.ceil(all.length / pieceBytes);
  return Array.from({ length: count }, (_, index) => {
    const piece = all.subarray(index * pieceBytes, (index + 1) * pieceBytes);
    return `${sender} ${index + 1} ${count} ${piece.toString("base64")}`;
  });
}

/** Puts pieces together again; what is none is a payload that nobody has signed, and a text without a space only shows that its sender is there. */
export function createAssembler(onPayload: (payload: Buffer) => void) {
  const begun = new LRUCache<string, Buffer[]>({ max: maxSenders });
  function assemble(text: string): void {
    const [sender = "", number, count, base64 = ""] = text.split(" ");
    if (number === undefined) return;
    const pieces = number === "1" ? [] : begun.get(sender);
    begun.delete(sender);
    if (pieces === undefined || Number(number) !== pieces.length + 1) return onPayload(Buffer.alloc(0));
    pieces.push(Buffer.from(base64, "base64"));
    if (number !== count) {
      if (pieces.length * pieceBytes <= maxWaitingBytes) begun.set(sender, pieces);
      return;
    }
    let all = Buffer.concat(pieces);
    while (all.length >= 4) {
      const end = 4 + all.readUInt32BE();
      onPayload(all.subarray(4, end));
      all = all.subarray(end);
    }
  }
  return Object.assign(assemble, { clear: () => begun.clear() });
}
