import { LRUCache } from "lru-cache";
import { pack, unpack } from "msgpackr";
import { createLanes } from "../conversations/write-lanes.ts";
import { monotonic } from "../platform/clock.ts";
import type { Redis } from "../platform/redis/redis.ts";
import type { Readers, ReaderStore } from "./reader-store.ts";

/** Life of a key, in ms. */
const ttlMs = 60_000;
/** How long Redis may take, in ms. */
const deadlineMs = 10;
/** Longest value that is taken, in bytes: 10,000 ids and more. */
const maxBytes = 128 * 1024;
/** Ids that a node keeps in memory. */
const maxIds = 500_000;

interface Kept {
  stamp: string;
  readers: Readers;
}
interface Asked {
  messageId: number;
  stamp: string | null;
}

const keyOf = (messageId: number): string => `read:${messageId}`;

/**
 * `read:{message}` in Redis: a msgpack array of a stamp and the users who have read the message, 1 min. The stamp names the versions that it follows from, and
 * whoever looks has just read those in the database, in the statement that says who may look. So nothing has to be marked when somebody
 * reads, which changes it for all messages up to there; and no entry that is old, late, flushed or of another database is ever taken.
 */
export function readersCache({ redis, store }: { redis: Redis | undefined; store: Pick<ReaderStore, "load"> }) {
  const memory = new LRUCache<number, Kept>({ maxSize: maxIds, sizeCalculation: ({ readers }) => readers.length + 50 });
  // Those who ask for the same message meanwhile share the next look.
  const lanes = createLanes<Asked, Readers>({
    lanes: 4,
    maxBatch: 5_000,
    maxWaiting: 20_000,
    maxWaitMs: 5_000,
    now: monotonic,
    async execute(asked) {
      const found = new Map<number, Readers>();
      for (const [messageId, stamp] of stampsOf(asked)) found.set(messageId, await find(messageId, stamp));
      return asked.map(({ messageId }) => found.get(messageId) ?? []);
    },
  });

  async function find(messageId: number, stamp: string | null): Promise<Readers> {
    const kept = stamp === null ? undefined : await ask(messageId, stamp);
    if (stamp !== null && kept !== undefined) {
      memory.set(messageId, { stamp, readers: kept });
      return kept;
    }
    const { stamp: as, readers } = await store.load(messageId);
    if (as !== null) {
      memory.set(messageId, { stamp: as, readers });
      if (redis?.usable === true)
        redis.call(deadlineMs, "SET", keyOf(messageId), pack([as, ...readers]), "PX", ttlMs).catch(() => undefined);
    }
    return readers;
  }

  async function ask(messageId: number, stamp: string): Promise<Readers | undefined> {
    if (redis?.usable !== true) return undefined;
    const bytes = await redis.call(deadlineMs, "GET", keyOf(messageId)).catch(() => null);
    return Buffer.isBuffer(bytes) && bytes.length <= maxBytes ? readersIn(bytes, stamp) : undefined;
  }

  return {
    /** @param stamp of the positions, read after the request came */
    async of(messageId: number, stamp: string | null): Promise<Readers> {
      const kept = memory.get(messageId);
      return kept !== undefined && kept.stamp === stamp ? kept.readers : lanes.run(messageId, { messageId, stamp });
    },
  };
}
export type ReadersCache = ReturnType<typeof readersCache>;

/** By message; null where two were told: of the newer one nobody knows which it is. */
function stampsOf(asked: readonly Asked[]): Map<number, string | null> {
  const stamps = new Map<number, string | null>();
  for (const { messageId, stamp } of asked) {
    const known = stamps.get(messageId);
    stamps.set(messageId, known === undefined || known === stamp ? stamp : null);
  }
  return stamps;
}

/** Undefined: other software has written it, or it is of other versions. */
function readersIn(bytes: Buffer, stamp: string): Readers | undefined {
  try {
    const [as, ...readers] = unpack(bytes) as [unknown, ...unknown[]];
    return as === stamp && readers.every((id) => Number.isSafeInteger(id)) ? (readers as number[]) : undefined;
  } catch {
    return undefined;
  }
}
