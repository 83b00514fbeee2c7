import { beforeEach, expect, test } from "vitest";
import { PendingCommands } from "./pending-commands.ts";
import { RedisUnavailable, type Reply } from "./redis.ts";

/** Time that goes on when told; `tick` is the next turn of the ticker, `turn` the one after the input was read. */
let now = 0;
let ticking: (() => void) | undefined;
let input: (() => void)[] = [];
let events: string[];
let pending: PendingCommands;
const ends: string[] = [];

beforeEach(() => {
  now = 1_000;
  ticking = undefined;
  input = [];
  events = [];
  ends.length = 0;
  pending = new PendingCommands(
    {
      answered: (ms) => events.push(`answered after ${ms}`),
      failed: ({ reason }) => events.push(reason),
      stalled: () => events.push("stalled"),
    },
    {
      now: () => now,
      every(ms, work) {
        expect(ms).toBe(5);
        ticking = work;
        return () => (ticking = undefined);
      },
      afterInput: (work) => input.push(work),
    },
  );
});

/** Adds a command; its end is noted in `ends` under its name. */
function add(name: string, timeoutMs: number): (end: Reply | RedisUnavailable) => void {
  let answer: (end: Reply | RedisUnavailable) => void = () => undefined;
  pending
    .add(timeoutMs, (done) => (answer = done))
    .then(
      (reply) => ends.push(`${name}: ${String(reply)}`),
      (error: RedisUnavailable) => ends.push(`${name}: ${error.reason}`),
    );
  return answer;
}

/** The time goes on in ticks of 5 ms. */
async function pass(ms: number): Promise<void> {
  for (const end = now + ms; now < end;) {
    now += 5;
    ticking?.();
    for (const work of input.splice(0)) work();
  }
  await Promise.resolve();
}

test("each command has its own deadline, counted from when it left; a late answer is thrown away", async () => {
  const slow = add("slow", 10);
  const patient = add("patient", 20);
  await pass(10);
  expect(ends).toEqual([]);
  pending.sent();
  await pass(5);
  expect(ends).toEqual([]);
  await pass(5);
  expect([ends, pending.size]).toEqual([["slow: timeout"], 2]);
  slow(1);
  patient(2);
  await Promise.resolve();
  expect([ends, pending.size]).toEqual([["slow: timeout", "patient: 2"], 0]);
  expect(events).toEqual(["timeout", "answered after 10"]);
});

test("it ticks only while something is under way", async () => {
  expect(ticking).toBeUndefined();
  const answer = add("one", 10);
  pending.sent();
  expect(ticking).toBeDefined();
  answer(1);
  await pass(5);
  expect(ticking).toBeUndefined();
  add("two", 10);
  expect(ticking).toBeDefined();
});

test("when the ticker is late, input is read before anything counts as late", async () => {
  const here = add("here", 10);
  add("away", 10);
  pending.sent();
  await pass(5);
  now += 400;
  ticking?.();
  // The ticker may come again before the input.
  ticking?.();
  expect(events).toEqual([]);
  here(1);
  for (const work of input.splice(0)) work();
  await Promise.resolve();
  expect(ends).toEqual(["here: 1", "away: timeout"]);
  expect(events).toEqual(["answered after 405", "timeout", "stalled"]);
});

test("a command without answer for more than 250 ms means that none will come, also when its caller has gone", async () => {
  const first = add("first", 10);
  pending.sent();
  await pass(100);
  add("second", 1_000);
  pending.sent();
  await pass(150);
  expect(events).toEqual(["timeout"]);
  first(1);
  await pass(100);
  expect(events).toEqual(["timeout"]);
  await pass(5);
  expect(events).toEqual(["timeout", "stalled"]);
});

test("closing fails what is under way, once; answers after that reach nobody", async () => {
  const answer = add("one", 10);
  add("two", 10);
  pending.sent();
  await pass(10);
  add("three", 10);
  pending.close();
  pending.close();
  answer(1);
  await Promise.resolve();
  expect(ends).toEqual(["one: timeout", "two: timeout", "three: disconnected"]);
  expect([events, ticking]).toEqual([["timeout", "timeout", "disconnected"], undefined]);
});

test("an error reply fails its caller with its text; one that could not be sent does not disturb the order", async () => {
  const answers = ["one", "two", "three"].map((name) => add(name, 10));
  pending.sent();
  answers[1]?.(new RedisUnavailable("disconnected"));
  expect(pending.size).toBe(3);
  answers[0]?.(new RedisUnavailable("error", "WRONGTYPE"));
  expect(pending.size).toBe(1);
  answers[2]?.(null);
  await Promise.resolve();
  expect(ends).toEqual(["two: disconnected", "one: error", "three: null"]);
  expect(events).toEqual(["disconnected", "error", "answered after 0"]);
});

test("what was answered is forgotten even when there is always something under way", () => {
  let previous = add("0", 10);
  for (let i = 1; i < 10_000; i++) {
    const next = add(`${i}`, 10);
    previous(i);
    previous = next;
    expect(pending.size).toBe(1);
  }
});
