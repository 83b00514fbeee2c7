import type { Ms, Phase } from "../history/events.ts";
import { lastWhere, type State } from "./object-history.ts";
import { readWords, type LocatedRead } from "./locate-read.ts";

/** A read that showed less than what was certainly committed before it began. */
export interface StaleRead extends LocatedRead {
  /** The newest state that it had to show. */
  readonly needed: number;
  /** For how long what it lacks had been known to be committed when the read began. */
  readonly age: Ms;
  /** Why that may happen; undefined: it may not. */
  readonly reason: "degraded write" | "two servers" | undefined;
}

/**
 * The stale ones of the reads. One is explained when everything it lacks was written with a mark that was not acknowledged: an
 * acknowledged one would have taken the old value out of service. Or when it began while nodes were attached to two servers.
 * @param bound how long a node may take to learn of another server, in ms
 */
export function findStale(reads: readonly LocatedRead[], phases: readonly Phase[], bound: Ms): StaleRead[] {
  const splits = phases.filter(({ split }) => split);
  const stale: StaleRead[] = [];
  for (const placed of reads) {
    const { read, object, last, fits } = placed;
    if (fits === "other content" && last < 0) continue;
    const needed = lastWhere(object.states, ({ provenAt }) => provenAt < read.t0);
    if (last >= needed) continue;
    const isSplit = splits.some(({ from, to }) => from <= read.t0 && read.t0 <= to + bound);
    const missed = object.states.slice(last + 1, needed + 1);
    const age = read.t0 - (missed[0]?.provenAt ?? read.t0);
    const reason = isDegraded(placed, missed) ? "degraded write" : isSplit ? "two servers" : undefined;
    stale.push({ ...placed, needed, age, reason });
  }
  return stale;
}

/** What did not raise the version, after the first thing missed, may be nothing that this read shows. */
function isDegraded({ read, object, last }: LocatedRead, missed: readonly State[]): boolean {
  let ver = object.states[last]?.ver ?? 0;
  return missed.every((state, index) => {
    const counts = index === 0 || state.ver !== ver;
    ver = state.ver;
    return !counts || read.of.keys.some((key) => state.dirty.has(key));
  });
}

/** For the report: which read, what it showed and what it had to show. */
export function staleWords({ read, object, last, needed, age }: StaleRead): string {
  const [shown, newest] = [object.states[last]?.ver ?? "?", object.states[needed]?.ver ?? "?"];
  const since = `${newest} was committed, since ${age.toFixed(1)} ms at least`;
  return `${readWords({ read, object })} at version ${shown}, but ${since}`;
}
