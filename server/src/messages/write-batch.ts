import { advancePositions, type Advance, type Moved } from "../conversations/position-store.ts";
import { positionPushes } from "../conversations/position-pushes.ts";
import type { Bus } from "../delivery/bus.ts";
import { DatabaseUnavailable, type Queries } from "../platform/postgres/database.ts";
import { messagePushes } from "./message-pushes.ts";
import { storeMessages, type NewMessage, type StoredRow } from "./message-store.ts";

/** A message to store and the socket that sent it. */
export interface SendWrite {
  kind: "send";
  message: NewMessage;
  socketId?: string | undefined;
}

export interface AdvanceWrite {
  kind: "advance";
  wish: Advance;
}

/** One item of a write lane. */
export type Write = SendWrite | AdvanceWrite;

/** `undefined`: no such recipient, or no position moved. */
export type WriteResult = StoredRow | Moved | undefined;

interface Deps {
  db: Queries;
  bus: Bus;
  isOnline: (userId: number) => boolean;
  /** Runs after the senders had their turn to be answered, so that an ack precedes the push of its message. */
  afterAcks: (run: () => void) => void;
  now: () => number;
  /** Resolves after some time, for the next try during an outage. */
  pause: (ms: number) => Promise<void>;
}

/** For how long after its first try a batch is given again while the database is away, in ms; pauses double from 50 ms. */
const retryFor = 8_000;

/**
 * Commits one batch of writes and publishes what it changed. An outage is waited out: every write is idempotent, so a batch whose
 * fate is unknown is simply given again. Then a message that "was there before" may be our own, so it is pushed all the same.
 */
export function createWriteBatch(deps: Deps): (batch: Write[]) => Promise<WriteResult[]> {
  return async (batch) => {
    const giveUp = deps.now() + retryFor;
    for (let attempt = 1; ; attempt++) {
      try {
        return await writeOnce(deps, batch, attempt > 1);
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable) || deps.now() > giveUp) throw error;
        await deps.pause(Math.min(1_000, 25 * 2 ** attempt));
      }
    }
  };
}

async function writeOnce(deps: Deps, batch: Write[], again: boolean): Promise<WriteResult[]> {
  const sends = batch.filter((write) => write.kind === "send");
  const advances = batch.filter((write) => write.kind === "advance");
  const stored = sends.length > 0 ? await sendAll(deps, sends, again) : new Map<Write, StoredRow>();
  const moved = advances.length > 0 ? await advanceAll(deps, advances) : new Map<Write, Moved>();
  return batch.map((write) => stored.get(write) ?? moved.get(write));
}

/** Stores the batch. A client_id that comes twice in it is stored once; the later ones are its duplicates. */
async function sendAll(deps: Deps, sends: SendWrite[], again: boolean): Promise<Map<Write, StoredRow>> {
  const nameOf = ({ message }: SendWrite): string => `${message.senderId}/${message.clientId}`;
  const first = new Map<string, SendWrite>();
  for (const write of sends) if (!first.has(nameOf(write))) first.set(nameOf(write), write);
  const distinct = [...first.values()];
  const rows = await storeMessages(
    deps.db,
    distinct.map(({ message }) => message),
  );
  const byWrite = new Map<Write, StoredRow>();
  for (const row of rows) {
    const write = distinct[row.ord - 1];
    if (write !== undefined) byWrite.set(write, row);
  }
  for (const write of sends) {
    const winner = first.get(nameOf(write));
    const row = winner === undefined ? undefined : byWrite.get(winner);
    if (row !== undefined && winner !== write) byWrite.set(write, { ...row, outcome: "duplicate" });
  }
  deps.afterAcks(() => {
    for (const write of distinct) {
      const row = byWrite.get(write);
      if (row === undefined || (row.outcome === "duplicate" && !again)) continue;
      deps.bus.publish(messagePushes(write, row, deps.isOnline(write.message.senderId)));
    }
  });
  return byWrite;
}

/** Wishes of one user in one conversation share a row; the first of them is told. */
async function advanceAll(deps: Deps, advances: AdvanceWrite[]): Promise<Map<Write, Moved>> {
  const rows = await advancePositions(
    deps.db,
    advances.map(({ wish }) => wish),
  );
  deps.afterAcks(() => deps.bus.publish(rows.flatMap(positionPushes)));
  const byWrite = new Map<Write, Moved>();
  for (const row of rows) {
    const write = advances.find(
      (one) => one.wish.userId === row.user_id && !byWrite.has(one) && concerns(one.wish, row.peer_id),
    );
    if (write !== undefined) byWrite.set(write, row);
  }
  return byWrite;
}

/** Only a wish to the end of a conversation is asked for its outcome. */
function concerns(wish: Advance, peerId: number): boolean {
  return "endWithPeer" in wish.to && wish.to.endWithPeer === peerId;
}
