import { expect, test } from "vitest";
import type { PresenceRead } from "../history/events.ts";
import { checkPresence } from "./presence.ts";

const read = (t0: number, shown: PresenceRead["shown"], by?: string): PresenceRead => ({
  node: 0,
  userId: 7,
  by,
  t0,
  t1: t0 + 10,
  shown,
});
const kept = (t0: number, shown: PresenceRead["shown"]): PresenceRead => read(t0, shown, "a list");
/** Looks that find the same every 500 ms. */
const looks = (from: number, to: number, shown: PresenceRead["shown"]): PresenceRead[] =>
  Array.from({ length: (to - from) / 500 + 1 }, (_, index) => read(from + index * 500, shown));

test("an answer that goes on saying what its node does not find any more is a violation", () => {
  const gone = [...looks(0, 2_000, "online"), ...looks(2_500, 8_000, "offline")];
  const { checked, violations } = checkPresence([
    ...gone,
    kept(1_700, "online"),
    kept(2_900, "online"),
    kept(5_100, "online"),
  ]);
  expect(checked).toBe(2);
  expect(violations).toEqual([
    "5.100 s: node 0 showed user 7 as online, since 1.700 s, although it found offline (a list)",
  ]);
});

test("it may be as late as what it was made of may be believed", () => {
  const gone = [...looks(0, 2_000, "online"), ...looks(2_500, 6_000, "offline")];
  const late = [kept(1_700, "online"), kept(3_400, "online"), kept(4_900, "offline")];
  expect(checkPresence([...gone, ...late]).violationCount).toBe(0);
});

test("where looks are rare, differ, do not know, or are those of another node nothing is told", () => {
  const wrong = [kept(1_500, "online"), kept(3_500, "online"), kept(5_100, "online")];
  const offline = looks(0, 8_000, "offline");
  expect(checkPresence([...offline, ...wrong]).violationCount).toBe(2);
  const rare = offline.filter(({ t0 }) => t0 % 2_000 === 0);
  const differing = [...offline, read(4_200, "online"), read(2_700, "online")];
  const ignorant = [...offline, read(4_200, "unknown"), read(2_700, "unknown")];
  const elsewhere = offline.map((look) => ({ ...look, node: 1 }));
  for (const all of [rare, differing, ignorant, elsewhere])
    expect(checkPresence([...all, ...wrong]).violationCount).toBe(0);
});

test("one look that was wrong, and that others have not made, is no violation", () => {
  const blink = [kept(3_000, "offline"), kept(4_100, "online"), kept(5_000, "offline")];
  expect(checkPresence([...looks(0, 8_000, "offline"), ...blink]).violationCount).toBe(0);
});
