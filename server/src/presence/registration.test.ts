import { expect, test, vi } from "vitest";
import { PresenceModel } from "../../tests/fixtures/presence-model.ts";
import type { PresenceRegister } from "./presence-register.ts";
import { Registration } from "./registration.ts";

/** A registration at a Redis that is a plain model, which answers when the test lets it. */
function open() {
  const model = new PresenceModel();
  const [calls, told, failures]: [string[], string[], unknown[]] = [[], [], []];
  const state = { now: 0, usable: true, fails: false, refused: "none", lost: 0, nodes: 0 };
  let gate: Promise<void> = Promise.resolve();
  async function answer<T>(call: string, does: () => T): Promise<T> {
    calls.push(call);
    if (call.startsWith(state.refused)) throw new Error(`${call} was refused`);
    // What was sent is done, also when the answer is late or lost.
    const reply = does();
    await gate;
    if (state.fails) throw new Error(`${call} failed`);
    return reply;
  }
  const register: Pick<PresenceRegister, "join" | "heartbeat" | "add" | "remove" | "reap"> = {
    join: (node) => answer(`join ${node}`, () => model.join(node)),
    heartbeat: (node) => answer(`beat ${node}`, () => model.heartbeat(node)),
    add: (node, users) => answer(`add ${node} ${users.length}`, () => model.add(node, users)),
    remove: (node, users) => answer(`remove ${node} ${users.length}`, () => model.remove(node, users)),
    reap: (node, own) => answer(`reap ${node}`, () => model.reap(node, own)),
  };
  const registration = new Registration({
    register: register as PresenceRegister,
    usable: () => state.usable,
    newNode: () => `n${(state.nodes += 1)}`,
    now: () => state.now,
    timing: { lifeMs: 8_000, minRewriteMs: 20_000, refreshMs: 30_000 },
    notify: (userId, online) => void told.push(`${userId} ${online ? "came" : "went"}`),
    onForgotten: () => void (state.lost += 1),
    failure: (error) => void failures.push(error),
  });
  /** Answers stay away until the function that is returned is called. */
  const hold = (): (() => void) => {
    let release = (): void => undefined;
    gate = new Promise((resolve) => (release = resolve));
    return release;
  };
  return { registration, model, calls, told, failures, state, hold };
}

/** Lets everything happen that can. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test("comers go out at once, those of one moment together, a hundred at a time", async () => {
  const { registration, model, calls, told } = open();
  for (const userId of range(250)) registration.add(userId);
  await settle();
  expect(calls).toEqual(["join n1", "add n1 100", "add n1 100", "add n1 50"]);
  expect([model.users.size, told.length]).toEqual([250, 250]);
});

test("whoever is back while being taken off is told as neither gone nor come", async () => {
  const { registration, model, told, hold } = open();
  registration.add(1);
  await settle();
  const release = hold();
  registration.remove(1);
  registration.add(1);
  expect(model.users.size).toBe(0);
  release();
  await settle();
  expect([told, [...model.users]]).toEqual([["1 came"], [1]]);
});

test("whoever was told as come though the answer was lost, and was reaped since, is told again", async () => {
  const { registration, model, told, state } = open();
  state.fails = false;
  registration.add(1);
  await settle();
  registration.remove(1);
  await settle();
  told.length = 0;
  state.fails = true;
  registration.add(1);
  await settle();
  expect([told, [...model.users]]).toEqual([["1 came"], [1]]);
  state.fails = false;
  model.reap("n1", true);
  await registration.heartbeat();
  await settle();
  expect([told, [...model.users]]).toEqual([["1 came", "1 came"], [1]]);
});

test("when a part of a write fails, nothing is written again before the rest has ended", async () => {
  const { registration, model, calls, failures, state, hold } = open();
  registration.add(1);
  await settle();
  const first = hold();
  registration.add(2);
  registration.add(3);
  registration.remove(1);
  const second = hold();
  state.refused = "remove";
  first();
  await settle();
  calls.length = 0;
  state.refused = "none";
  registration.remove(3);
  await settle();
  expect(calls).toEqual([]);
  second();
  await settle();
  registration.flush();
  await settle();
  expect([failures.length, [...model.users]]).toEqual([1, [2]]);
});

test("whoever is gone before being told as come is told as neither", async () => {
  const { registration, model, told, hold } = open();
  registration.add(1);
  await settle();
  const release = hold();
  registration.add(2);
  registration.add(3);
  registration.remove(3);
  release();
  await settle();
  expect([told, [...model.users]]).toEqual([
    ["1 came", "2 came"],
    [1, 2],
  ]);
});

test("after a new connection all are written under a new name, then the old name's users leave and those gone are told", async () => {
  const { registration, model, calls, told, state } = open();
  for (const userId of [1, 2, 3]) registration.add(userId);
  model.join("other");
  await settle();
  model.add("other", [2]);
  state.usable = false;
  registration.redisUnusable();
  registration.remove(1);
  registration.remove(2);
  registration.add(4);
  expect(told).toEqual(["1 came", "2 came", "3 came", "4 came"]);
  state.usable = true;
  calls.length = 0;
  registration.reregister(true);
  await settle();
  expect(calls).toEqual(["join n2", "add n2 2", "reap n1"]);
  expect(told.slice(4)).toEqual(["1 went"]);
  expect(model.users).toEqual(new Set([2, 3, 4]));
  expect([...model.nodes.keys()].toSorted()).toEqual(["n2", "other"]);
});

test("a node that was taken for dead registers anew, once, and tells again those whom others told as gone", async () => {
  const { registration, model, told, state } = open();
  registration.add(1);
  registration.add(2);
  model.join("other");
  await settle();
  model.add("other", [2]);
  model.nodes.set("n1", false);
  expect(model.reap("n1", false).gone).toEqual([1]);
  await registration.heartbeat();
  registration.forgotten("n1");
  await settle();
  expect([state.lost, state.nodes, registration.node]).toEqual([1, 2, "n2"]);
  expect(told).toEqual(["1 came", "2 came", "1 came"]);
});

test("a node that was taken for dead tells its users again also when it does not hear that they are written", async () => {
  const { registration, model, told, state } = open();
  registration.add(1);
  await settle();
  model.nodes.set("n1", false);
  expect(model.reap("n1", false).gone).toEqual([1]);
  await registration.heartbeat();
  state.fails = true;
  await settle();
  state.fails = false;
  registration.flush();
  await settle();
  expect([told, [...model.users]]).toEqual([["1 came", "1 came"], [1]]);
});

test("a call that fails is made again; comers are told meanwhile, and nobody twice", async () => {
  const { registration, model, told, failures, state } = open();
  registration.add(1);
  await settle();
  state.fails = true;
  registration.add(2);
  registration.remove(1);
  await settle();
  expect(told).toEqual(["1 came", "2 came"]);
  expect(failures).not.toEqual([]);
  state.fails = false;
  registration.flush();
  await settle();
  expect([told, [...model.users]]).toEqual([["1 came", "2 came", "1 went"], [2]]);
});

test("who waits to be told when Redis goes away is told then", async () => {
  const { registration, told, state, hold } = open();
  registration.add(1);
  await settle();
  const release = hold();
  for (const userId of [2, 3]) registration.add(userId);
  state.usable = false;
  registration.redisUnusable();
  expect(told).toEqual(["1 came", "2 came", "3 came"]);
  release();
  await settle();
  expect(told).toHaveLength(3);
});

test("every user is written once per period and no more often, in parts of the same size", async () => {
  const { registration, calls, state } = open();
  for (const userId of range(3_000)) registration.add(userId);
  await settle();
  calls.length = 0;
  for (let tick = 1; tick <= 90; tick++) {
    state.now += 1_000;
    registration.refresh(1 / 30);
    await settle();
  }
  const written = calls.map((call) => Number(call.split(" ").at(-1)));
  expect(Math.max(...written)).toBe(100);
  // The first half period nothing is due.
  expect(written.reduce((sum, count) => sum + count, 0)).toBe(100 * (90 - 14));
});

test("a pong writes its user again, but seldom and with others", async () => {
  const { registration, calls, state } = open();
  for (const userId of range(150)) registration.add(userId);
  await settle();
  calls.length = 0;
  const pongs = async (): Promise<void> => {
    for (const userId of range(150)) registration.active(userId);
    await settle();
  };
  state.now = 19_999;
  await pongs();
  expect(calls).toEqual([]);
  state.now = 20_000;
  await pongs();
  expect(calls).toEqual(["add n1 100", "add n1 50"]);
  state.now = 39_000;
  await pongs();
  registration.active(999);
  expect(calls).toHaveLength(2);
});

test("a stop takes everybody off and nothing comes after it; it takes no longer than it may", async () => {
  const { registration, model, calls, state } = open();
  for (const userId of range(250)) registration.add(userId);
  await settle();
  await registration.leave(1_000);
  expect([model.users.size, model.nodes.size]).toEqual([0, 0]);
  registration.add(7);
  registration.refresh(1);
  await settle();
  expect(model.users.size).toBe(0);

  const slow = open();
  slow.registration.add(1);
  await settle();
  vi.spyOn(slow.model, "reap").mockImplementation(() => ((slow.state.now += 300), { more: true, gone: [] }));
  await slow.registration.leave(1_000);
  expect(slow.calls.filter((call) => call.startsWith("reap"))).toHaveLength(4);
  expect(calls.filter((call) => call.startsWith("reap"))).toHaveLength(1);
  expect(state.lost).toBe(0);
});
