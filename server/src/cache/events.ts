import type { AnswerResult } from "./answer-proof.ts";
import type { AnySource } from "./loader.ts";
import type { KindName } from "./source.ts";

/** What became of one look into the cache. */
export type ReadResult = "hit_l1" | "hit" | "miss" | "dirty" | "lease_busy" | "unavailable" | "corrupt" | "off";
export type FillResult = "stored" | "refused" | "busy" | "failed";
export type PostResult = "done" | "absent" | "gap" | "compact" | "failed";

/** What happens in the cache, for metrics and for the audit. */
export interface CacheEvents {
  read(kind: KindName, result: ReadResult): void;
  /** A value was served from the cache. */
  hit(source: AnySource, id: unknown): void;
  fill(kind: KindName, result: FillResult): void;
  leaseWait(): void;
  shed(): void;
  /** `seconds` until the marks of a transaction were answered; 0 when none were tried: no Redis, or none that all nodes use. */
  marked(result: "acked" | "unacked" | "skipped", seconds: number): void;
  posted(kind: PostResult, count: number): void;
  dirtyAdded(rows: number): void;
  audited(isStale: boolean): void;
  answered(result: AnswerResult): void;
}
