import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { credentialStore } from "../../src/accounts/credential-store.ts";
import { startCacheNodes, type CacheNode, type CacheNodes } from "../fixtures/cache-nodes.ts";
import {
  act,
  everyOperation,
  operation,
  viewsOf,
  type Operation,
  type OperationRoom,
} from "../fixtures/chat-operations.ts";

let all: CacheNodes;
beforeAll(async () => {
  all = await startCacheNodes();
});
afterAll(() => all[Symbol.asyncDispose]());

let rooms = 0;

async function newRoom(): Promise<OperationRoom> {
  rooms += 1;
  const userIds = await all.addUsers(...["a", "b", "c"].map((name) => `coherent_${name}${rooms}`));
  const [node] = all.nodes;
  const body = { name: "A group", is_public: true, handle: `coherent_group${rooms}` };
  const { id } = JSON.parse(await node.ask("createGroup", userIds[0] ?? 0, { body })) as { id: number };
  await node.ask("joinGroup", userIds[1] ?? 0, { params: { id } });
  return { userIds, groupId: id, messageIds: [], sent: 0 };
}

/** What was committed without a mark may be served for a moment; after that nothing may. */
async function untilMarked(): Promise<void> {
  for (;;) {
    const [row] = await all.rows<{ dirty: boolean }>("select exists (select from cache_dirty) as dirty");
    if (row?.dirty !== true) return;
  }
}

/** What every viewer is told by all nodes is what the database says. */
async function check(room: OperationRoom, after: readonly Operation[]): Promise<void> {
  await untilMarked();
  const { on = true, at = 0 } = after[0] ?? {};
  const limit = on ? "50" : String(1 + (at % 4));
  for (const viewer of room.userIds) {
    const asked = [all.database, ...all.nodes, all.alone].map((node) => viewsOf(node, room, viewer, limit));
    const [expected = [], ...answers] = await Promise.all(asked);
    for (const [node, views] of answers.entries()) {
      for (const [at, [title, answer]] of views.entries()) {
        const right = expected[at]?.[1] ?? "";
        if (answer === right) continue;
        const where = { after, node, viewer, title };
        expect({ ...where, answer: parsed(answer) }).toEqual({ ...where, answer: parsed(right) });
      }
    }
  }
}

const parsed = (answer: string): unknown => (answer.startsWith("{") ? JSON.parse(answer) : answer);

const kinds = ["conv", "group", "member", "convlist", "unread", "profile"] as const;

/** Of the reads that Redis answered, the part that was served from it, or was not even needed. */
function hitRate(node: CacheNode, ofKinds: readonly string[]): number {
  const count = (results: readonly string[]): number =>
    results.flatMap((result) => ofKinds.map((kind) => node.count(`read ${kind} ${result}`))).reduce((a, b) => a + b, 0);
  const proven = node.count("answer proven");
  const all = count(["hit", "hit_l1", "miss", "dirty", "corrupt", "lease_busy"]) + proven;
  return (count(["hit", "hit_l1"]) + proven) / all;
}

async function live(steps: readonly (readonly Operation[])[]): Promise<void> {
  const room = await newRoom();
  await check(room, []);
  for (const step of steps) {
    await Promise.all(step.map((one) => act(all, room, one)));
    await check(room, step);
  }
}

test("whatever happens: both nodes tell what the database says", { timeout: 120_000 }, async () => {
  const room = await newRoom();
  for (const [before, one] of everyOperation()) {
    for (const prior of before) await act(all, room, prior);
    await check(room, before);
    await act(all, room, one);
    await check(room, [one]);
  }
});

test("an account that is closed is shown as such at once", async () => {
  const room = await newRoom();
  const [alice = 0, bob = 0, eve = 0] = room.userIds;
  for (const [before, one] of everyOperation().slice(0, 2))
    for (const step of [...before, one]) await act(all, room, step);
  for (let times = 0; times < 2; times++) await check(room, []);
  const { storage, cache } = all.nodes[1];
  await credentialStore(storage.db, cache.writes).close(bob, "-");
  await check({ ...room, userIds: [alice, eve, bob] }, []);
});

test("in any order, and at once too: both nodes tell what the database says, and mostly from the cache", async () => {
  const steps = fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 10, maxLength: 20 });
  const end = performance.now() + 6_000;
  // A slow machine does fewer. To make a failure smaller takes longer than a test may.
  const property = fc.asyncProperty(steps, async (steps) => {
    if (performance.now() < end) await live(steps);
  });
  await fc.assert(property, { numRuns: 40, endOnFailure: true });
  for (const node of all.nodes) {
    expect(node.count("stale")).toBe(0);
    expect(node.count("post done")).toBeGreaterThan(10);
    expect(hitRate(node, kinds)).toBeGreaterThan(0.8);
    for (const kind of kinds) expect([kind, hitRate(node, [kind]) > 0.5]).toEqual([kind, true]);
  }
});

/** Statements that a node needs only when the cache does not have what is asked for. */
const loads = ["history.load", "messages.history", "conversations.first_page", "conversations.list", "members.load"];
const loadsOf = (node: CacheNode): number => loads.reduce((sum, name) => sum + node.count(`query ${name}`), 0);
/** One hit of a thousand is held against the database. */
const auditsOf = (node: CacheNode): number => Math.floor(node.countAll("hit ") / 1_000);
/** Reads by what became of them; of unread counts, which are not appended to, none. */
const readsOf = (node: CacheNode, results: readonly string[]): number =>
  results
    .flatMap((result) => kinds.filter((kind) => kind !== "unread").map((kind) => node.count(`read ${kind} ${result}`)))
    .reduce((sum, n) => sum + n, 0);
const notFound = (node: CacheNode): number => readsOf(node, ["miss", "dirty", "corrupt", "lease_busy"]);
const notAnswered = (node: CacheNode): number => readsOf(node, ["unavailable", "off"]);

/** Ends of posts that leave an entry warm, and all ends. */
const warmed = (node: CacheNode): number => node.count("post done") + node.count("post compact");
const posted = (node: CacheNode): number => node.countAll("post ");

/** Reads until everything is found. */
async function untilWarm(read: (node: CacheNode) => Promise<unknown>): Promise<void> {
  for (;;) {
    const before = String(all.nodes.map(notFound));
    await Promise.all(all.nodes.map(read));
    if (String(all.nodes.map(notFound)) === before) return;
  }
}

test.each<[string, Pick<Operation, "kind" | "other">, number]>([
  ["a direct message", { kind: "send", other: 1 }, 3],
  ["a message to oneself", { kind: "send", other: 0 }, 2],
  ["a message to a group", { kind: "send", other: 3 }, 1],
  ["reading all", { kind: "readAll", other: 1 }, 3],
])("%s is appended: nobody on any node reads the database for it", async (_, what, keys) => {
  const room = await newRoom();
  const [writer] = all.nodes;
  const [alice = 0, bob = 0] = room.userIds;
  const one = { at: 0, on: false, node: 0, ...what };
  const views = async (node: CacheNode): Promise<[string, string][]> => [
    ...(await viewsOf(node, room, alice, "50")),
    ...(await viewsOf(node, room, bob, "50")),
  ];
  for (;;) {
    // Bob has something to say that Alice can read, and both have written before; then everybody has read everything.
    for (const other of [0, 2, 3]) await act(all, room, { ...one, kind: "send", by: 1, other });
    for (const other of [0, 1]) await act(all, room, { ...one, kind: "send", by: 0, other });
    await untilWarm(views);
    const before = { posted: posted(writer), warmed: warmed(writer), lost: all.nodes.map(notAnswered) };
    const [missed, loaded, audited] = [notFound, loadsOf, auditsOf].map((count) => all.nodes.map(count));
    await act(all, room, { ...one, by: 0 });
    while (posted(writer) < before.posted + keys) await all.command("PING");
    const told = await Promise.all(all.nodes.map(views));
    // A connection that was lost meanwhile proves nothing.
    if (String(all.nodes.map(notAnswered)) !== String(before.lost) || warmed(writer) < before.warmed + keys) continue;
    expect(all.nodes.map(notFound)).toEqual(missed);
    const audits = all.nodes.map(auditsOf);
    for (const [at, n] of all.nodes.map(loadsOf).entries()) {
      expect(n - (loaded?.[at] ?? 0)).toBeLessThanOrEqual((audits[at] ?? 0) - (audited?.[at] ?? 0));
    }
    const expected = await views(all.database);
    expect(told).toEqual([expected, expected]);
    return;
  }
});
