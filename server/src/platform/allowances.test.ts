import { expect, test } from "vitest";
import { Allowance, createAllowances, type AllowanceKind } from "./allowances.ts";
import { slowestMs, TokenBucket } from "./token-bucket.ts";

/** A user whose waits are kept; time passes only while waiting, or as told. */
function user(factor = 1) {
  const clock = { now: 5_000 };
  const allowance = new Allowance(7, { factor, now: () => clock.now });
  const waits: number[] = [];
  return {
    clock,
    allowance,
    waits,
    /** Does something and waits for it. */
    take(kind: AllowanceKind, cost?: number): void {
      const wait = allowance.take(kind, cost);
      if (wait > 0) waits.push(wait);
      clock.now += wait;
    },
  };
}

test("a bucket slows first: half of it is free, the other half costs growing waits, and what is not there must come back", () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 8 }, 0);
  const waits = Array.from({ length: 10 }, () => bucket.take(1, 0));
  expect(waits).toEqual([0, 0, 0, 0, 250, 500, 750, slowestMs, slowestMs + 1_000, slowestMs + 2_000]);
  expect(bucket.take(1, 2_000)).toBe(slowestMs + 1_000);
  // A clock that went back fills nothing and takes nothing.
  expect(bucket.take(1, 1_000)).toBe(slowestMs + 2_000);
  expect(bucket.take(1, 1_000_000)).toBe(0);
});

test("A5: one user is slowed first and refused later, told when to come back, and served for ever at the rate by waiting", () => {
  const { allowance, clock } = user();
  const outcomes: (number | string)[] = [];
  for (let i = 0; i < 80; i++) {
    try {
      outcomes.push(Math.round(allowance.takeOrRefuse("groups")));
    } catch (refused) {
      expect(refused).toMatchObject({ code: "rate_limited", status: 429, retryAfterSeconds: 30 });
      outcomes.push("refused");
    }
  }
  expect(outcomes.slice(0, 30)).toEqual(Array<number>(30).fill(0));
  expect(outcomes.slice(30, 60)).toEqual(Array.from({ length: 30 }, (_, i) => Math.round((slowestMs * (i + 1)) / 30)));
  expect(outcomes.slice(60)).toEqual(Array<string>(20).fill("refused"));
  clock.now += 30_000;
  expect(Math.round(allowance.takeOrRefuse("groups"))).toBe(slowestMs);
  // Other kinds, and other users, notice nothing.
  expect(allowance.takeOrRefuse("messages")).toBe(0);

  const flooding = user();
  for (let i = 0; i < 10_000; i++) flooding.take("messages");
  expect((10_000 - 600) / ((flooding.clock.now - 5_000) / 1_000)).toBeLessThanOrEqual(30);
  expect(Math.max(...flooding.waits)).toBeLessThan(slowestMs);
});

test("A5: nobody notices who types, lives with the app on three devices, runs a bot, or comes back after weeks", () => {
  const person = user();
  for (let second = 0; second < 3_600; second++) {
    // Three devices ping each 5 s and type; each answers every message of a busy group with `ack` and `read`.
    for (let i = 0; i < (second % 5 === 0 ? 6 : 3) + 2 * 3 * 5; i++) person.take("frames");
    person.take("bytes", 36 * 150);
    if (second % 2 === 0) person.take("messages");
    if (second % 3 === 0) person.take("searches");
    for (let i = 0; i < 5; i++) person.take("reads");
    person.clock.now += 1_000;
  }
  // The outbox of an hour without a network, given again every 5 s until it is acknowledged.
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 50; i++) for (const kind of ["frames", "messages"] as const) person.take(kind);
    person.clock.now += 5_000;
  }
  // An app that starts: the list, people's pictures, everything since last time, and its receipts.
  for (let i = 0; i < 300; i++) person.take("reads");
  for (let i = 0; i < 1_000; i++) person.take("frames");
  for (let i = 0; i < 20; i++) person.take("syncs");
  expect(person.waits).toEqual([]);

  const bot = user();
  for (let i = 0; i < 300; i++) bot.take("messages");
  for (let second = 0; second < 3_600; second++) {
    for (let i = 0; i < 25; i++) for (const kind of ["frames", "messages"] as const) bot.take(kind);
    bot.clock.now += 1_000;
  }
  expect(bot.waits.filter((wait) => wait > 200)).toEqual([]);
});

test("USER_LIMITS: a factor, or off", () => {
  const generous = user(10);
  for (let i = 0; i < 200; i++) generous.take("groups");
  const off = user(0);
  for (let i = 0; i < 10_000; i++) off.take("passwords");
  expect([generous.waits, off.waits, off.allowance.takeIfFree("reads")]).toEqual([[], [], true]);
  const all = createAllowances({ factor: 1, now: () => 0 });
  expect(all.of(7)).toBe(all.of(7));
  expect(all.of(7)).not.toBe(all.of(8));
});
