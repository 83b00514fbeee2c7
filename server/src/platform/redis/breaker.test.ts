import { beforeEach, expect, test } from "vitest";
import { Breaker } from "./breaker.ts";

let now = 0;
let breaker: Breaker;
const times = (n: number, work: () => void): void => Array.from({ length: n }).forEach(work);

beforeEach(() => {
  now = 1_000_000;
  breaker = new Breaker(() => now);
});

/** Each at a moment of its own. */
const timeOut = (count: number): void =>
  times(count, () => {
    now += 5;
    breaker.timedOut();
  });
const fail = (count: number): void =>
  times(count, () => {
    now += 5;
    breaker.failed();
  });

function opened(): Breaker {
  timeOut(5);
  expect(breaker.state).toBe("open");
  return breaker;
}

test("five time-outs in a row open it; an answer in between starts the count anew", () => {
  timeOut(4);
  breaker.succeeded();
  timeOut(4);
  expect(breaker.state).toBe("closed");
  timeOut(1);
  expect(breaker.state).toBe("open");
});

test("many calls that one pause has made late do not open it, nor do a few such pauses among many calls", () => {
  const pause = (calls: number): void => {
    now += 100;
    times(calls, () => breaker.timedOut());
  };
  for (const calls of [500, 500]) pause(calls);
  expect(breaker.state).toBe("closed");
  pause(1);
  expect(breaker.state).toBe("open");
  breaker = new Breaker(() => now);
  for (let second = 0; second < 10; second++) {
    times(300, () => breaker.succeeded());
    pause(60);
    expect(breaker.state).toBe("closed");
  }
});

test("more than a fifth of errors in a second opens it, of fifty calls at least", () => {
  fail(10);
  times(40, () => breaker.succeeded());
  expect(breaker.state).toBe("closed");
  fail(1);
  expect(breaker.state).toBe("open");
});

test("a few calls, or errors of another second, do not open it", () => {
  fail(49);
  expect(breaker.state).toBe("closed");
  now += 1_000;
  fail(49);
  expect(breaker.state).toBe("closed");
  fail(1);
  expect(breaker.state).toBe("open");
});

test("three good recovery pings in a row close it, and it counts anew", () => {
  opened();
  breaker.pinged(true);
  expect([breaker.state, breaker.pause]).toEqual(["half open", 250]);
  breaker.pinged(true);
  breaker.pinged(false);
  expect([breaker.state, breaker.pause]).toEqual(["open", 500]);
  times(2, () => breaker.pinged(true));
  expect(breaker.state).toBe("half open");
  breaker.pinged(true);
  expect(breaker.state).toBe("closed");
  timeOut(4);
  expect(breaker.state).toBe("closed");
});

test("recovery pings that fail become rarer, up to one in two seconds", () => {
  opened();
  const pauses = [breaker.pause];
  times(4, () => {
    breaker.pinged(false);
    pauses.push(breaker.pause);
  });
  expect(pauses).toEqual([250, 500, 1_000, 2_000, 2_000]);
});

test("calls that were under way when it opened change nothing", () => {
  opened();
  times(100, () => breaker.succeeded());
  times(100, () => breaker.timedOut());
  expect(breaker.state).toBe("open");
});
