import { LRUCache } from "lru-cache";
import type { UserViews } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import type { ReadGathering } from "../conversations/gather-reads.ts";
import { advancePositions, type PositionUpdate, type AdvancedPosition } from "../conversations/position-store.ts";
import { positionPushes } from "../conversations/position-pushes.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Push } from "../delivery/push.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { advanceInvalidations, sendInvalidations, type PostTargets } from "./cache-changes.ts";
import { authorizeAttachments, type CanReadAttachments } from "./authorize-attachments.ts";
import { messagePushes } from "./message-pushes.ts";
import { storeMessages, type StoredRow } from "./message-store.ts";
import type { AdvanceWrite, SendWrite, Write, WriteResult } from "./write.ts";

interface Deps {
  writes: Pick<CacheWrites, "batch">;
  posts: PostTargets;
  bus: Bus;
  /** Hears of reads in groups that are too large to be told of each. */
  reads: Pick<ReadGathering, "add">;
  canRead: CanReadAttachments;
  views: Pick<UserViews, "anybody" | "mediaUrl">;
  isOnline: (userId: number) => boolean;
  /** Runs after the senders had their turn to be answered, so that an ack precedes the push of its message. */
  afterAcks: (run: () => void) => void;
  now: () => number;
  /** Resolves after some time, for the next try during an outage. */
  pause: (ms: number) => Promise<void>;
}

interface Context extends Deps {
  /** Messages whose commit may have succeeded though nobody heard of it: found again as duplicates, they have not been pushed. */
  inDoubt: LRUCache<string, true>;
}

/** For how long after its first try a batch is given again while the database is away, in ms; pauses double from 50 ms. */
const retryFor = 8_000;

/**
 * Commits one batch of writes and publishes what it changed. An outage is waited out: every write is idempotent, so a batch whose
 * outcome is in doubt is simply given again. Then a message that "was there before" may be our own, so it is pushed all the same.
 */
export function createWriteBatch(deps: Deps): (batch: Write[]) => Promise<WriteResult[]> {
  const context: Context = { ...deps, inDoubt: new LRUCache({ max: 50_000 }) };
  return async (batch) => {
    const giveUp = deps.now() + retryFor;
    for (let attempt = 1; ; attempt++) {
      try {
        return await commit(context, batch);
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable)) throw error;
        for (const write of batch) if (write.kind === "send") context.inDoubt.set(idempotencyKey(write), true);
        if (deps.now() > giveUp) throw error;
        await deps.pause(Math.min(1_000, 25 * 2 ** attempt));
      }
    }
  };
}

/** Positions first: they are updates about messages that were there before, and nothing stands between a commit and its ack. */
async function commit(context: Context, batch: Write[]): Promise<WriteResult[]> {
  const sends = batch.filter((write) => write.kind === "send");
  const advances = batch.filter((write) => write.kind === "advance");
  const moved = advances.length > 0 ? await advanceAll(context, advances) : new Map<Write, AdvancedPosition>();
  const stored = sends.length > 0 ? await sendAll(context, sends) : new Map<Write, StoredRow>();
  return batch.map((write) => stored.get(write) ?? moved.get(write));
}

function idempotencyKey({ message }: SendWrite): string {
  return `${message.senderId}/${message.clientId}`;
}

/** Stores the batch. A client_id that comes twice in it is stored once; the later ones are its duplicates. */
async function sendAll(context: Context, sends: SendWrite[]): Promise<Map<Write, StoredRow>> {
  const first = new Map<string, SendWrite>();
  for (const write of sends) if (!first.has(idempotencyKey(write))) first.set(idempotencyKey(write), write);
  const distinct = [...first.values()];
  const stored = await context.writes.batch(async (queries, epoch, invalidate) => {
    await authorizeAttachments(queries, context.canRead, distinct);
    const messages = distinct.map(({ message }) => message);
    const rows = await storeMessages(queries, messages, epoch);
    const found = rows.flatMap((row) => {
      const write = distinct[row.ord - 1];
      return write === undefined ? [] : [{ write, row }];
    });
    const dirtyAdded = rows.some((row) => row.dirty_added);
    invalidate(sendInvalidations(found, context.posts), dirtyAdded);
    return found;
  });
  const byWrite = new Map<Write, StoredRow>(stored.map(({ write, row }) => [write, row]));
  for (const write of sends) {
    const winner = first.get(idempotencyKey(write));
    const row = winner === undefined ? undefined : byWrite.get(winner);
    if (row !== undefined && winner !== write) byWrite.set(write, { ...row, outcome: "duplicate" });
  }
  context.afterAcks(() => publish(context, distinct, byWrite));
  return byWrite;
}

function publish(context: Context, distinct: SendWrite[], byWrite: ReadonlyMap<Write, StoredRow>): void {
  const pushes: Push[] = [];
  for (const write of distinct) {
    const row = byWrite.get(write);
    if (row === undefined) continue;
    const inDoubt = context.inDoubt.delete(idempotencyKey(write));
    if (row.outcome === "duplicate" && !inDoubt) continue;
    const senderOnline = context.isOnline(write.message.senderId);
    pushes.push(...messagePushes(context.views, { write, row }, senderOnline));
  }
  context.bus.publish(pushes);
}

/** Updates of one user in one conversation share a row; the first of them gets it. */
async function advanceAll(context: Context, advances: AdvanceWrite[]): Promise<Map<Write, AdvancedPosition>> {
  const updates = advances.map(({ update }) => update);
  const rows = await context.writes.batch(async (queries, epoch, invalidate) => {
    const moved = await advancePositions(queries, updates, epoch);
    const dirtyAdded = moved.some((row) => row.dirty_added);
    invalidate(advanceInvalidations(moved, context.posts), dirtyAdded);
    return moved;
  });
  context.afterAcks(() => {
    context.bus.publish(rows.flatMap(positionPushes));
    context.reads.add(rows);
  });
  const byWrite = new Map<Write, AdvancedPosition>();
  for (const row of rows) {
    const write = advances.find(
      (one) => one.update.userId === row.user_id && !byWrite.has(one) && matchesPeer(one.update, row.peer_id),
    );
    if (write !== undefined) byWrite.set(write, row);
  }
  return byWrite;
}

/** Only a update to the end of a conversation is asked for its outcome. */
function matchesPeer(update: PositionUpdate, peerId: number | null): boolean {
  return "latestOfPeer" in update.to && update.to.latestOfPeer === peerId;
}
