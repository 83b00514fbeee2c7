import { checkAhead } from "./checks/ahead.ts";
import type { CheckResult } from "./checks/check.ts";
import { checkContent } from "./checks/content.ts";
import { checkDegraded } from "./checks/degraded.ts";
import { difference } from "./checks/difference.ts";
import { checkGapless, type Received, type ToReceive } from "./checks/gapless.ts";
import { checkLiveness, sumOf, type Hits, type QuietPhase } from "./checks/liveness.ts";
import { lastWhere } from "./checks/object-history.ts";
import { checkOrder } from "./checks/order.ts";
import type { LocatedRead } from "./checks/locate-read.ts";
import { assess } from "./checks/proven.ts";
import { findStale, type StaleRead } from "./checks/stale.ts";
import { checkPresence } from "./checks/presence.ts";
import { checkStrict } from "./checks/strict.ts";
import type { History } from "./history/events.ts";
import type { InternedTexts } from "./history/interned-texts.ts";
import type { LogRow } from "./truth/log.ts";
import { replay, textAt } from "./truth/replay.ts";
import type { World } from "./truth/world.ts";
import { objectOf } from "./truth/conversation.ts";

/** How long a node may go on with what it knew before it was told of a write without a mark, or of another server, in ms. */
export const staleBound = 1_000;

/** All that a run has to show for itself. */
export interface Evidence {
  history: History;
  texts: InternedTexts;
  log: readonly LogRow[];
  hiding: ReadonlySet<string>;
  followers: readonly { userId: number; received: Received }[];
  /** undefined: the server has no cache. */
  cache: { quiet: readonly QuietPhase[]; gate: number } | undefined;
}

export interface Verdict {
  checks: CheckResult[];
  /** Acknowledged writes whose transaction was not found. */
  unlocated: number;
  /** Rows of `cache_dirty` that were written, and versions that were committed. */
  dirtyRows: number;
  transactions: number;
  /** Cached reads of the quiet phases by their result. */
  hits: Hits;
  /** Answers of the quiet phases that may be kept. */
  answers: Hits;
}

/** Holds a history against PostgreSQL's own account of it. */
export function judge({ history, texts, log, hiding, followers, cache }: Evidence): Verdict {
  const wanted = new Map<string, Set<string>>();
  for (const { of } of history.reads) wanted.set(of.object, (wanted.get(of.object) ?? new Set()).add(of.view));
  const { objects, effects, world } = replay(log, { wanted, texts, hiding });
  const { reads, ownWrites, unlocated } = assess({ objects, effects }, history);
  const stale = findStale(reads, history.phases, staleBound);
  const devices = followers.map(({ userId, received }) => ({ ...received, toReceive: toReceive(world, userId) }));
  return {
    checks: [
      checkStrict(reads, stale, (one) => missing(log, one, hiding)),
      checkAhead(reads),
      checkContent(reads, { shown: texts.text, held: (placed) => heldAt(log, placed, hiding) }),
      checkOrder(reads, ownWrites),
      checkDegraded(stale, staleBound),
      checkGapless(devices),
      ...(cache === undefined ? [] : [checkLiveness(cache.quiet, cache.gate)]),
      checkPresence(history.presences),
    ],
    unlocated,
    hits: cache === undefined ? undefined : sumOf(cache.quiet),
    answers: cache === undefined ? undefined : sumOf(cache.quiet, ({ answers }) => answers),
    dirtyRows: log.filter(({ what }) => what === "cache_dirty").length,
    transactions: new Set(log.map(({ txn }) => txn)).size,
  };
}

/** What PostgreSQL held at the version that was read, or else when the answer came. */
function heldAt(log: readonly LogRow[], { read, object, last }: LocatedRead, hiding: ReadonlySet<string>): string {
  const index = last < 0 ? lastWhere(object.states, ({ beganAt }) => beganAt <= read.t1) : last;
  const txn = object.states[index]?.txn ?? 0;
  return textAt(log, { object: object.name, view: read.of.view, txn, hiding });
}

/** How what a stale read showed differs from what it had to show. */
function missing(
  log: readonly LogRow[],
  { read, object, last, needed }: StaleRead,
  hiding: ReadonlySet<string>,
): string {
  const { view } = read.of;
  if (view === "") return "";
  const at = (index: number): string =>
    textAt(log, { object: object.name, view, txn: object.states[index]?.txn ?? 0, hiding });
  const txns = object.states.slice(last + 1, needed + 1).map(({ txn }) => txn);
  const lines = difference({ name: "the answer", text: at(last) }, { name: "PostgreSQL", text: at(needed) });
  return `; missing transactions ${txns.join(", ")}:\n${lines}`;
}

/** Everything in the user's conversations that others wrote and that is not hidden from the user. */
export function toReceive(world: World, userId: number): ToReceive {
  const must = new Map<string, number[]>();
  const may = new Map<string, Set<number>>();
  for (const conversation of world.conversationsOf(userId)) {
    if (conversation.participants.get(userId)?.left !== false) continue;
    const shown = conversation.messages.filter(({ hidden, senderId }) => !hidden && senderId !== userId);
    must.set(
      objectOf(conversation),
      shown.filter(({ deleted }) => !deleted).map(({ seq }) => seq),
    );
    may.set(objectOf(conversation), new Set(shown.map(({ seq }) => seq)));
  }
  return { must, may };
}
