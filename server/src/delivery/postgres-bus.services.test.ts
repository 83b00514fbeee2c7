import { sharedDatabase, startFaultProxy, startPostgres } from "@om/services";
import pg from "pg";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { busSuite, pushOf, textOf } from "../../tests/fixtures/bus-suite.ts";
import type { Push, SessionEnd } from "./push.ts";
import { createPostgresBus } from "./postgres-bus.ts";
import type { SharedBus } from "./shared-bus.ts";

const secret = "a secret of the tests, long enough";
const soon = { timeout: 30_000, interval: 5 };
const end: SessionEnd = { userId: 7, ended: { sessionId: 4 }, sessionIds: [4] };
let url: string;
beforeAll(() => {
  url = sharedDatabase();
});

interface Node extends AsyncDisposable {
  bus: SharedBus;
  got: (Push | SessionEnd)[];
  texts(): string[];
  counts: Record<string, number>;
  failures: unknown[];
  whys: string[];
  gaps(): number;
  listens(): boolean;
}

/** A node that listens. By default nobody is ever believed to be alone. */
async function openNode(at: string, timing = { beatMs: 1_000, othersMs: 600_000 }): Promise<Node> {
  const node = { got: [] as (Push | SessionEnd)[], failures: [] as unknown[], whys: [] as string[] };
  const counts: Record<string, number> = {};
  const count = (name: string, n = 1) => void (counts[name] = (counts[name] ?? 0) + n);
  let listens = false;
  const bus = createPostgresBus({
    primary: { connection: () => ({ connectionString: at }), onMoved: () => undefined },
    timing,
    secrets: [secret],
    events: {
      published: (n) => count("published", n),
      received: () => count("received"),
      dropped: (reason) => count(reason),
      subscribed: (is) => void (listens = is),
      subscribeFailed: (why) => void node.whys.push(why),
      failure: (error) => void node.failures.push(error),
    },
  });
  let gaps = 0;
  bus.subscribe(
    (event) => void node.got.push(event),
    () => void (gaps += 1),
  );
  bus.start();
  await vi.waitFor(() => expect(listens).toBe(true), soon);
  const texts = (): string[] => node.got.map(textOf);
  const dispose = async (): Promise<void> => bus[Symbol.asyncDispose]();
  return { ...node, bus, texts, counts, gaps: () => gaps, listens: () => listens, [Symbol.asyncDispose]: dispose };
}

/** What is notified on the channel of a database, from outside. */
async function listenTo(at: string): Promise<{ client: pg.Client; notified: string[] } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: at });
  const notified: string[] = [];
  client.on("notification", ({ payload = "" }) => void notified.push(payload));
  await client.connect();
  await client.query("listen om_bus");
  return { client, notified, [Symbol.asyncDispose]: () => client.end() };
}

describe("this node's own", () => {
  busSuite(async (failures) => {
    const node = await openNode(url);
    vi.spyOn(node.failures, "push").mockImplementation((...errors) => failures.push(...errors));
    return node.bus;
  });
});

test("what one node publishes reaches each other node once, in order and whole, however long; many go in one transaction", async () => {
  await using a = await openNode(url);
  await using b = await openNode(url);
  await using c = await openNode(url);
  await using outside = await listenTo(url);
  const members = Array.from({ length: 10_000 }, (_, i) => 100_000_000 + i);
  // The same bytes again and again: PostgreSQL passes equal notifications of a transaction on once only.
  const whole: Push = {
    ...pushOf("x".repeat(100_000)),
    userIds: members,
    message: { conversationId: 5, seq: 6, id: 7 },
  };
  const texts = Array.from({ length: 500 }, (_, i) => `push ${i}`);
  a.bus.publish([whole, end]);
  for (const text of texts) a.bus.publish([pushOf(text)]);
  b.bus.publish([pushOf("last of b")]);
  for (const node of [b, c]) {
    await vi.waitFor(() => expect(node.got.length).toBe(503), soon);
    const ofA = node.texts().filter((text) => text !== "last of b");
    expect(ofA).toEqual(["x".repeat(100_000), "end of 7", ...texts]);
    expect(node.got).toContainEqual(end);
    const received = node.got.find((event): event is Push => "message" in event);
    expect({ ...received, frame: received?.frame.text }).toEqual({ ...whole, frame: whole.frame.text });
  }
  await vi.waitFor(() => expect(a.texts()).toContain("last of b"), soon);
  expect(a.texts().length).toBe(503);
  await vi.waitFor(() => expect(a.counts).toEqual({ published: 502, received: 1 }), soon);
  // In pieces of 5,900 bytes: some thirty for the long one, and a few for all the others.
  expect(outside.notified.filter((text) => text.includes(" ")).length).toBeLessThan(60);
  for (const text of outside.notified) expect(text.length).toBeLessThan(8_000);

  // A node that stops leaves nothing unsaid.
  for (const text of ["good", "bye"]) {
    a.bus.publish([pushOf(text)]);
    await Promise.resolve();
  }
  await a[Symbol.asyncDispose]();
  await vi.waitFor(() => expect(b.texts().slice(-2)).toEqual(["good", "bye"]), soon);
});

test("what strangers notify, in pieces or whole, is dropped, and another database is another installation", async () => {
  await using a = await openNode(url);
  await using b = await openNode(url);
  await using stranger = await openNode(sharedDatabase());
  await using outside = await listenTo(url);
  a.bus.publish([pushOf("recorded")]);
  await vi.waitFor(() => expect(b.texts()).toEqual(["recorded"]), soon);
  const [recorded = ""] = outside.notified.filter((text) => text.includes(" "));
  const [, ...rest] = recorded.split(" ");
  const forged = ["x 1 1 aGVsbG8=", "x 2 2 AAAA", "x 1 1 ", "x 1 1 /////w==", `y ${rest.join(" ")}`];
  for (const text of [...forged, "hello", "", "x 1 100 AAAA"]) {
    await outside.client.query("select pg_notify('om_bus', $1)", [text]);
  }
  a.bus.publish([pushOf("after")]);
  await vi.waitFor(() => expect(b.texts()).toEqual(["recorded", "after"]), soon);
  expect(b.counts).toMatchObject({ received: 2, forged: 4 });
  expect([stranger.texts(), a.failures, b.failures]).toEqual([[], [], []]);
});

test("a connection that is ended or hangs is made anew; meanwhile the own sockets are served, and ends of sessions are told late", async () => {
  await using postgres = await startPostgres();
  const at = postgres.createDatabase();
  await using proxy = await startFaultProxy(Number(new URL(at).port));
  const through = new URL(at);
  through.port = String(proxy.port);
  await using a = await openNode(at);
  await using b = await openNode(through.href);
  await postgres.kill();
  await vi.waitFor(() => expect([a.listens(), b.listens()]).toEqual([false, false]), soon);
  a.bus.publish([pushOf("meanwhile"), end]);
  expect([a.texts(), a.counts["unsent"]]).toEqual([["meanwhile", "end of 7"], 2]);
  await postgres.start();
  await vi.waitFor(() => expect([a.listens(), b.listens()]).toEqual([true, true]), soon);
  a.bus.publish([pushOf("again")]);
  await vi.waitFor(() => expect(b.texts().toSorted()).toEqual(["again", "end of 7"]), soon);
  expect([b.gaps(), a.failures]).toEqual([2, []]);
  proxy.mode("blackhole");
  await vi.waitFor(() => expect(b.listens()).toBe(false), soon);
  proxy.mode("pass");
  await vi.waitFor(() => expect(b.listens()).toBe(true), soon);
  a.bus.publish([pushOf("and again")]);
  await vi.waitFor(() => expect(b.texts()).toContain("and again"), soon);
});

test("a node that hears no other sends nothing but its beats, until another one comes", async () => {
  const own = sharedDatabase();
  await using outside = await listenTo(own);
  await using a = await openNode(own, { beatMs: 20, othersMs: 100 });
  await vi.waitFor(() => expect(a.bus.isAlone()).toBe(true), soon);
  a.bus.publish([pushOf("to myself"), end]);
  const beats = outside.notified.length;
  await vi.waitFor(() => expect(outside.notified.length).toBeGreaterThan(beats), soon);
  expect(outside.notified.filter((text) => text.includes(" "))).toEqual([]);
  await using b = await openNode(own, { beatMs: 20, othersMs: 600_000 });
  await vi.waitFor(() => expect(a.bus.isAlone()).toBe(false), soon);
  a.bus.publish([pushOf("to both")]);
  await vi.waitFor(() => expect(b.texts()).toEqual(["to both"]), soon);
  expect(a.texts()).toEqual(["to myself", "end of 7", "to both"]);
});
