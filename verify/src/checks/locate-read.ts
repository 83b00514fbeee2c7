import type { ReadEvent } from "../history/events.ts";
import { lastWhere, type ObjectHistory, type Span } from "./object-history.ts";

/** How far PostgreSQL's clock, brought to ours, may be off, in ms. */
export const clockError = 5;

/** A read and the states of its object that it may have shown. */
export interface LocatedRead {
  readonly read: ReadEvent;
  readonly object: ObjectHistory;
  /** The first and the last of those states; of a version whose content does not fit, the states of that version. -1: none. */
  readonly first: number;
  readonly last: number;
  readonly fits: "yes" | "no such version" | "other content";
}

/** Finds out what a read has shown: by its version and its content, by one of both where it has no other. */
export function locateRead(object: ObjectHistory, read: ReadEvent): LocatedRead {
  const { ver } = read;
  const placed = { read, object };
  const all: Span = [0, object.states.length - 1];
  const [low, high] = ver === undefined ? all : statesOf(object, read.of.lags === true ? floorOf(object, ver) : ver);
  if (low > high) return { ...placed, first: high, last: high, fits: "no such version" };
  if (read.text === undefined) return { ...placed, first: low, last: high, fits: "yes" };

  const spans = object.shown.get(read.of.view)?.get(read.text) ?? [];
  // Without a version what came after the answer is no candidate.
  const until = ver === undefined ? Math.min(high, begunBy(object, read.t1 + clockError)) : high;
  let first = -1;
  let last = -1;
  for (const [from, to] of spans) {
    if (to < low || from > until) continue;
    if (first < 0) first = Math.max(from, low);
    last = Math.min(to, until);
  }
  if (first >= 0) return { ...placed, first, last, fits: "yes" };
  return { ...placed, first: ver === undefined ? -1 : low, last: ver === undefined ? -1 : high, fits: "other content" };
}

/** The states of a version; an empty span that ends below them when there is none. */
function statesOf({ states }: ObjectHistory, ver: number): Span {
  return [lastWhere(states, (state) => state.ver < ver) + 1, lastWhere(states, (state) => state.ver <= ver)];
}

/** The newest version that is not above one of something larger. */
function floorOf({ states }: ObjectHistory, ver: number): number {
  return states[lastWhere(states, (state) => state.ver <= ver)]?.ver ?? 0;
}

function begunBy({ states }: ObjectHistory, at: number): number {
  return lastWhere(states, (state) => state.beganAt <= at);
}

/** Which read, for reports, such as `0.020 s: node 0 showed conv:1:2 (history/1/20)`. */
export function readWords({ read, object }: Pick<LocatedRead, "read" | "object">): string {
  const view = read.of.view === "" ? "version" : read.of.view;
  return `${(read.t0 / 1000).toFixed(3)} s: node ${read.node} showed ${object.name} (${view})`;
}
