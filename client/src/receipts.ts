/** What a device tells the server about messages of others. */
export type Receipt =
  | { type: "ack"; payload: { server_id: number; status: "delivered" } }
  | { type: "read"; payload: { message_id: number } };

/**
 * Delivered and read receipts on their way. The server answers a ping after everything that came before it, so a pong proves what
 * was sent before its ping; the rest is sent again on the next line. Receipts never move a position back, so repeats are harmless.
 */
export interface Receipts {
  /** The device has the conversation up to this message; sent for the newest only, a little later. */
  delivered(conversationId: string, messageId: number): void;
  read(messageId: number): void;
  flush(): void;
  pinged(): void;
  ponged(): void;
  /** What was not proven counts as not sent. */
  disconnected(): void;
  /** Read receipts that have to outlive a restart. */
  reads(): number[];
}

interface Options {
  /** Read receipts of an earlier run. */
  start: readonly number[];
  delayMs: number;
  /** @returns false when there is no line */
  send(receipt: Receipt): boolean;
}

const maxReads = 1_000;

export function createReceipts(options: Options): Receipts {
  const reads = new Map<number, number | undefined>();
  const delivered = new Map<string, { messageId: number; round: number | undefined }>();
  let round = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for (const messageId of options.start) reads.set(messageId, undefined);

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const [messageId, sent] of reads) {
      if (sent !== undefined) continue;
      if (!options.send({ type: "read", payload: { message_id: messageId } })) return;
      reads.set(messageId, round);
    }
    for (const one of delivered.values()) {
      if (one.round !== undefined) continue;
      if (!options.send({ type: "ack", payload: { server_id: one.messageId, status: "delivered" } })) return;
      one.round = round;
    }
  }

  return {
    flush,
    delivered(conversationId, messageId) {
      if (messageId <= (delivered.get(conversationId)?.messageId ?? 0)) return;
      delivered.set(conversationId, { messageId, round: undefined });
      timer ??= setTimeout(flush, options.delayMs);
    },
    read(messageId) {
      if (reads.has(messageId)) return;
      reads.set(messageId, undefined);
      for (const oldest of reads.keys()) {
        if (reads.size <= maxReads) break;
        reads.delete(oldest);
      }
      flush();
    },
    pinged: () => void (round += 1),
    ponged() {
      for (const [messageId, sent] of reads) if (sent !== undefined && sent < round) reads.delete(messageId);
      for (const [id, one] of delivered) if (one.round !== undefined && one.round < round) delivered.delete(id);
    },
    disconnected() {
      clearTimeout(timer);
      timer = undefined;
      for (const messageId of reads.keys()) reads.set(messageId, undefined);
      for (const one of delivered.values()) one.round = undefined;
    },
    reads: () => [...reads.keys()],
  };
}
