import type { Redis } from "../platform/redis/redis.ts";
import type { Kept } from "./answer-memory.ts";
import type { CacheControl } from "./control.ts";
import type { ControlStore } from "./control-store.ts";
import { headerBytes, isServable, readHeader } from "./entry.ts";
import type { AnySource } from "./loader.ts";
import type { Witness } from "./witness.ts";

/**
 * Looks whether Redis would serve something older than what the database had before: first the database's version, then what would
 * explain it, then the entry. A stale entry that nothing explains is a proven violation, whatever happens in between.
 */
export function createAudit(deps: {
  redis: Redis;
  store: Pick<ControlStore, "isExplained">;
  control: Pick<CacheControl, "readEpoch">;
  audited: (isStale: boolean) => void;
}): (source: AnySource, id: unknown) => Promise<void> {
  return async (source, id) => {
    const epoch = deps.control.readEpoch();
    if (epoch === undefined) return;
    const key = source.key(id);
    const [loaded] = await source.load([id], true);
    if (loaded === undefined || (await deps.store.isExplained(key, epoch))) return;
    const bytes = await deps.redis.call(50, "GETRANGE", key, 0, headerBytes - 1);
    const header = Buffer.isBuffer(bytes) ? readHeader(bytes) : undefined;
    if (header === undefined || deps.control.readEpoch() !== epoch) return;
    deps.audited(isServable(header, epoch) && header.ver < loaded.ver);
  };
}

/**
 * The same for an answer that is kept: first the database's versions of all that it was made of, then what would explain newer ones,
 * then whether it would be given.
 */
export function createAnswerAudit(deps: {
  database: Witness;
  store: Pick<ControlStore, "isExplained">;
  control: Pick<CacheControl, "readEpoch">;
  isGiven: (answer: Kept) => Promise<boolean>;
  audited: (isStale: boolean) => void;
}): (answer: Kept) => Promise<void> {
  return async (answer) => {
    const epoch = deps.control.readEpoch();
    if (epoch === undefined) return;
    const sight = await deps.database.look([...answer.objects.keys()]);
    if (sight === undefined) return;
    const newer = [...answer.objects].filter(([key, ver]) => (sight.version(key)?.ver ?? 0) > ver);
    for (const [key] of newer) if (await deps.store.isExplained(key, epoch)) return;
    const isGiven = await deps.isGiven(answer);
    if (deps.control.readEpoch() === epoch) deps.audited(isGiven && newer.length > 0);
  };
}
