import type { Ms, PresenceRead } from "../history/events.ts";
import { createFindings, type CheckResult } from "./check.ts";

/** For how long an answer may go on with what was looked up, and the same with what clocks and timers may be late, in ms. */
const maxAge: Ms = 1_000;
const bound: Ms = maxAge + 300;
/** Of two looks of a node with more time between them nobody knows what was in between, in ms. */
const maxGap: Ms = 1_500;

/**
 * (h) An answer that was given before says of nobody what its node does not find any more: what it shows for longer than it may believe
 * it, while all answers that are made anew, before, meanwhile and after, agree on something else, is a violation. Whatever
 * becomes of Redis, both ask the same one. A single wrong look that nobody else has made is none.
 */
export function checkPresence(reads: readonly PresenceRead[]): CheckResult {
  const findings = createFindings();
  let checked = 0;
  for (const all of groupedBy(reads, ({ node, userId }) => `${node} ${userId}`)) {
    const fresh = all.filter(({ by }) => by === undefined);
    for (const kept of groupedBy(all, ({ by }) => by)) {
      if (kept[0]?.by === undefined) continue;
      let since = kept[0];
      for (const read of kept) {
        if (read.shown !== since.shown) since = read;
        const found = agreedAround(fresh, read);
        if (found === undefined) continue;
        checked += 1;
        if (read.shown === "unknown" || read.shown === found || read.t0 - since.t1 < bound) continue;
        findings.add(
          () =>
            `${(read.t0 / 1000).toFixed(3)} s: node ${read.node} showed user ${read.userId} as ${read.shown}, since ` +
            `${(since.t0 / 1000).toFixed(3)} s, although it found ${found} (${read.by})`,
        );
      }
    }
  }
  return {
    name: "(h) presence",
    checked,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: {},
  };
}

/** What all looks show from before the read's answer could be as old as may be until after it; undefined: they do not tell. */
function agreedAround(fresh: readonly PresenceRead[], { t0, t1 }: PresenceRead): "online" | "offline" | undefined {
  const first = fresh.findLastIndex((look) => look.t1 <= t0 - bound);
  const last = fresh.findIndex((look) => look.t0 >= t1);
  if (first < 0 || last < 0) return undefined;
  const looks = fresh.slice(first, last + 1);
  const shown = looks[0]?.shown;
  const agree = looks.every((look, index) => {
    const before = looks[index - 1] ?? look;
    return look.shown === shown && look.t1 - before.t0 <= maxGap;
  });
  return agree && shown !== "unknown" ? shown : undefined;
}

/** In time. */
function groupedBy(
  reads: readonly PresenceRead[],
  keyOf: (read: PresenceRead) => string | undefined,
): PresenceRead[][] {
  const groups = new Map<string | undefined, PresenceRead[]>();
  for (const read of reads) {
    const key = keyOf(read);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [read]);
    else group.push(read);
  }
  return [...groups.values()].map((group) => group.sort((a, b) => a.t0 - b.t0));
}
