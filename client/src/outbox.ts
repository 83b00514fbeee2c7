import type { AckFrame } from "@om/protocol";

/** A message on its way to the server. */
export interface OutboxEntry {
  clientId: string;
  to: number;
  content: string;
  messageType: "text" | "image" | "file";
}

/** What the server said of a sent message. */
export type Ack = AckFrame["payload"];

/** The server will not take this message, however often it is sent. */
export class RefusedError extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

/** Messages that are sent, in order and with the same client_id, until the server acknowledges them: at least once here, once there. */
export interface Outbox {
  /** @throws RangeError when too many wait already */
  add(entry: OutboxEntry): Promise<Ack>;
  entries(): OutboxEntry[];
  acked(ack: Ack): void;
  /** @returns whether the message was ours and waits no more */
  refused(clientId: string, code: string, text: string): boolean;
}

const maxEntries = 1_000;
/** `save_failed` may pass (an outage) or not (an unknown recipient), so it is believed after this many. */
const maxSaveFailures = 12;

/** @param start entries that an earlier run did not get through */
export function createOutbox(start: readonly OutboxEntry[] = []): Outbox {
  type Waiting = OutboxEntry & { failures: number; resolve(ack: Ack): void; reject(error: Error): void };
  const waiting = new Map<string, Waiting>();
  const ignore = (): void => undefined;
  for (const entry of start) waiting.set(entry.clientId, { ...entry, failures: 0, resolve: ignore, reject: ignore });
  return {
    add(entry) {
      if (waiting.size >= maxEntries) throw new RangeError("too many messages wait to be sent");
      return new Promise((resolve, reject) => {
        waiting.set(entry.clientId, { ...entry, failures: 0, resolve, reject });
      });
    },
    entries: () =>
      [...waiting.values()].map(({ clientId, to, content, messageType }) => ({ clientId, to, content, messageType })),
    acked(ack) {
      waiting.get(ack.client_id)?.resolve(ack);
      waiting.delete(ack.client_id);
    },
    refused(clientId, code, text) {
      const entry = waiting.get(clientId);
      if (entry === undefined) return false;
      entry.failures += 1;
      const mayPass = code === "save_failed" || code === "processing_failed";
      if (mayPass && entry.failures < maxSaveFailures) return false;
      waiting.delete(clientId);
      entry.reject(new RefusedError(code, text));
      return true;
    },
  };
}
