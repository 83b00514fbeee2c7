import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { closeCodes, mayReconnect } from "@om/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Frame } from "../delivery/push.ts";
import { deferred } from "../platform/deferred.ts";
import { Allowance } from "../platform/allowances.ts";
import { FrameRefusal } from "../platform/om-error.ts";
import {
  openTestConnections,
  type TestConnection,
  type TestConnections,
} from "../../tests/fixtures/test-connection.ts";
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { UnsentBytes } from "./unsent-bytes.ts";

let lines: TestConnections;
afterEach(() => lines[Symbol.asyncDispose]());
/** Resolves when the server has handled everything sent before. */
async function settled(line: TestConnection): Promise<void> {
  line.send("ping", {});
  await line.next("pong");
}

describe("a connection's life", () => {
  let heartbeat: Heartbeat;
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    lines = await openTestConnections();
    heartbeat = createHeartbeat({ periodMs: 30_000, timeoutMs: 90_000, now: () => lines.clock.now });
  });
  afterEach(() => {
    heartbeat[Symbol.dispose]();
    vi.useRealTimers();
  });
  const watched = async (client = {}): Promise<TestConnection> => {
    const line = await lines.connect({ client });
    heartbeat.add(line.connection);
    return line;
  };
  /** Lets time pass for clock and heartbeat. */
  const pass = (ms: number): void => {
    lines.clock.now += ms;
    vi.advanceTimersByTime(ms);
  };

  test("D-11: a connection is alive > 90 s: its deadline moves with every frame", async () => {
    const line = await watched({ autoPong: false });
    for (let i = 0; i < 5; i++) {
      await settled(line);
      pass(85_000);
    }
    await settled(line);
    expect(line.client.readyState).toBe(line.client.OPEN);
  });

  test("D-11: and with every answer to the server's ping, which comes every 30 s", async () => {
    const line = await watched();
    const before = lines.clock.now;
    for (let i = 1; i <= 10; i++) {
      const pong = once(line.served, "pong");
      pass(30_000);
      await pong;
      expect(line.connection.lastActivityAt()).toBe(before + i * 30_000);
    }
    await settled(line);
    expect(line.client.readyState).toBe(line.client.OPEN);
  });

  test("each answer to the server's ping is told, with the user's id", async () => {
    await lines[Symbol.asyncDispose]();
    const told: number[] = [];
    lines = await openTestConnections({ deps: { userActive: (userId) => void told.push(userId) } });
    const line = await watched();
    for (let i = 0; i < 2; i++) {
      const pong = once(line.served, "pong");
      pass(30_000);
      await pong;
    }
    expect(told).toEqual([line.connection.userId, line.connection.userId]);
  });

  test("and with every ping control frame of the client, which is answered", async () => {
    const line = await watched({ autoPong: false });
    for (let i = 0; i < 3; i++) {
      pass(60_000);
      const pong = once(line.client, "pong");
      line.client.ping("still here");
      expect(String((await pong)[0])).toBe("still here");
    }
    expect(line.client.readyState).toBe(line.client.OPEN);
  });

  test("D-57: a socket that is silent for 90 s is really closed, with 4001; one beside it that answers is not", async () => {
    const [silent, alive] = [await watched({ autoPong: false }), await watched()];
    for (let i = 0; i < 4; i++) {
      const pong = once(alive.served, "pong");
      pass(30_000);
      await pong;
    }
    expect(await silent.closed).toEqual({ code: 4001, reason: "nothing heard from you" });
    expect(alive.client.readyState).toBe(alive.client.OPEN);
  });

  test("ping every 5 s is answered by pong, each one and without delay, within the default rate", async () => {
    const line = await lines.connect({ allowance: new Allowance(7, { factor: 1, now: () => lines.clock.now }) });
    for (let i = 0; i < 60; i++) {
      line.send("ping", {});
      expect(await line.next("pong")).toEqual({ type: "pong" });
      lines.clock.now += 5_000;
    }
    expect([line.frames.length, lines.pauses]).toEqual([60, []]);
  });
});

describe("close codes", () => {
  test("the server never closes with 1000, and its codes say whether to come back", () => {
    const codes = Object.values(closeCodes);
    expect(codes.map(({ code }) => code)).not.toContain(1000);
    expect(new Set(codes.map(({ code }) => code)).size).toBe(codes.length);
    for (const { code, reconnect } of codes) {
      expect([code, mayReconnect(code)]).toEqual([code, reconnect]);
      expect(code === 1012 || (code >= 4000 && code < 5000)).toBe(true);
    }
  });

  test.each<[string, keyof typeof closeCodes, (line: TestConnection) => void]>([
    ["too many sockets", "tooMany", ({ connection }) => connection.evict()],
    ["the session ended", "ended", ({ connection }) => connection.end("ended")],
    ["the token ended", "expired", ({ connection }) => connection.end("expired")],
    ["silence", "silent", ({ connection }) => connection.expire()],
    ["a stop", "restart", ({ connection }) => void connection[Symbol.asyncDispose]()],
  ])("%s: %s", async (_what, why, act) => {
    lines = await openTestConnections();
    const line = await lines.connect();
    act(line);
    const { code, reason } = closeCodes[why];
    expect(await line.closed).toEqual({ code, reason });
  });

  test("a failure while serving: failed, reported once", async () => {
    const backlog = { messages: () => Promise.reject(new Error("secret")), revisions: async () => [] };
    lines = await openTestConnections({ deps: { backlog } });
    const line = await lines.connect({ resuming: false });
    void line.connection.start();
    expect((await line.closed).code).toBe(closeCodes.failed.code);
    expect(lines.failures).toEqual([new Error("secret")]);
  });

  test("D-19: a client that does not read: slow, and nobody else waits for it", async () => {
    lines = await openTestConnections();
    const [slow, other] = [await lines.connect({ unsent: new UnsentBytes(1_000_000) }), await lines.connect()];
    slow.client.pause();
    const push = {
      userIds: [],
      frame: new Frame(JSON.stringify({ type: "x", text: "x".repeat(50_000) })),
      to: "all",
    } as const;
    let sent = 0;
    while (slow.served.readyState === slow.served.OPEN) {
      for (const { connection } of [slow, other]) connection.push(push);
      sent += 1;
      await settled(other);
    }
    expect(sent).toBeGreaterThan(20);
    slow.client.resume();
    expect((await slow.closed).code).toBe(closeCodes.slow.code);
    expect([other.client.readyState, other.frames.filter(({ type }) => type === "x").length]).toEqual([
      other.client.OPEN,
      sent,
    ]);
  });

  test("A4: a client that sends and never reads its answers is not asked for more, and is closed after some pings without progress", async () => {
    let handled = 0;
    lines = await openTestConnections({
      deps: { unreadBytes: 100_000 },
      handlers: {
        typing(source) {
          handled += 1;
          source.reply(JSON.stringify({ type: "x", text: "x".repeat(100_000) }));
        },
      },
    });
    const [deaf, other] = [await lines.connect(), await lines.connect()];
    deaf.client.pause();
    for (let i = 0; i < 1_000; i++) deaf.send("typing", {});
    // What the kernel takes for it is some MB; after that nothing more is handled.
    let before = -1;
    while (before !== handled) {
      before = handled;
      for (let i = 0; i < 20; i++) await settled(other);
    }
    expect([handled < 500, deaf.connection.queueBytes() < 400_000]).toEqual([true, true]);
    const closed = once(deaf.served, "close");
    for (let i = 0; i < 4; i++) deaf.connection.ping();
    deaf.client.resume();
    await closed;
    expect([(await deaf.closed).code, handled]).toEqual([closeCodes.slow.code, before]);
  });

  test("a client's own code comes back to it, 1000 too", async () => {
    lines = await openTestConnections();
    for (const code of [1000, 1001, 3000, 4999]) {
      const line = await lines.connect();
      line.client.close(code, "bye");
      expect((await line.closed).code).toBe(code);
    }
  });

  test("a protocol violation: 1002; text that is no UTF-8: 1007", async () => {
    lines = await openTestConnections();
    for (const [bytes, code] of [
      [Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), 1002],
      [Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
    ] as const) {
      const line = await lines.connect();
      // Past the library's own framing.
      (line.client as unknown as { _socket: { write(data: Buffer): void } })._socket.write(bytes);
      expect((await line.closed).code).toBe(code);
    }
  });
});

describe("one user's sockets share what the user may do", () => {
  test("A1: frames are counted by the bytes of their JSON, inflated, over all sockets; who sends much is slowed and nobody else is", async () => {
    lines = await openTestConnections();
    const allowance = new Allowance(7, { factor: 1, now: () => lines.clock.now });
    const [a, b, other] = [
      await lines.connect({ allowance }),
      await lines.connect({ allowance }),
      await lines.connect({ allowance: new Allowance(7, { factor: 1, now: () => lines.clock.now }) }),
    ];
    const large = gzipSync(JSON.stringify({ type: "typing", payload: { extra: "x".repeat(120_000) } }));
    expect(large.length).toBeLessThan(1_000);
    const begun = lines.clock.now;
    for (let i = 0; i < 50; i++) for (const line of [a, b]) line.client.send(large);
    await Promise.all([settled(a), settled(b)]);
    // 12 MB at a quarter of a megabyte per second, but for the first four.
    expect(lines.clock.now - begun).toBeGreaterThan(25_000);
    const pauses = lines.pauses.length;
    for (let i = 0; i < 10; i++) other.client.send(large);
    await settled(other);
    expect([lines.pauses.length, lines.failures]).toEqual([pauses, []]);
  });

  test("A5: messages of several sockets are slowed together, in order, and none is lost or refused", async () => {
    const handled: string[] = [];
    lines = await openTestConnections({
      handlers: {
        chat: (_source, { client_id: id }) => void handled.push(id ?? ""),
        typing: () => void handled.push("typing"),
      },
    });
    const allowance = new Allowance(7, { factor: 0.1, now: () => lines.clock.now });
    const sockets = [await lines.connect({ allowance }), await lines.connect({ allowance })];
    const begun = lines.clock.now;
    for (const [name, line] of sockets.entries()) {
      for (let i = 0; i < 60; i++) line.send("chat", { client_id: `${name}-${i}`, recipient_id: 3 });
      // Others are told of these as well.
      for (let i = 0; i < 30; i++) line.send("typing", { recipient_id: 3, is_typing: true });
    }
    await Promise.all(sockets.map(settled));
    const of = (name: number) => handled.filter((id) => id.startsWith(`${name}-`));
    for (const name of [0, 1]) expect(of(name)).toEqual(Array.from({ length: 60 }, (_, i) => `${name}-${i}`));
    // 60 at once and 3 per second.
    expect([handled.length, lines.clock.now - begun >= 40_000]).toEqual([180, true]);
    expect(sockets.flatMap(({ frames }) => frames.map(({ type }) => type))).toEqual(["pong", "pong"]);
  });

  test("what a client sent that is gone before its turn is not done: it was not acknowledged", async () => {
    let handled = 0;
    const turn = deferred();
    const asked = deferred();
    lines = await openTestConnections({
      deps: {
        pause() {
          asked.resolve();
          return turn.promise;
        },
      },
      handlers: { chat: () => void (handled += 1) },
    });
    const line = await lines.connect({ allowance: new Allowance(7, { factor: 0.01, now: () => lines.clock.now }) });
    for (let i = 0; i < 20; i++) line.send("chat", { client_id: `c${i}`, recipient_id: 3 });
    await asked.promise;
    const before = handled;
    const closed = once(line.served, "close");
    line.client.terminate();
    await closed;
    turn.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect([before > 0, handled]).toEqual([true, before]);
  });
});

describe("frames that fail", () => {
  test("a chat refused for ever does not storm: frames beyond the rate wait, each gets a small error with its client_id, and the socket stays", async () => {
    const handledAt: number[] = [];
    lines = await openTestConnections({
      handlers: {
        chat(_source, { client_id: id }) {
          handledAt.push(lines.clock.now);
          throw new FrameRefusal("not_group_member", { clientId: id ?? "" });
        },
      },
    });
    // A twentieth of what a user may usually do: 30 messages, and 1.5 more each second.
    const line = await lines.connect({ allowance: new Allowance(7, { factor: 0.05, now: () => lines.clock.now }) });
    const begun = lines.clock.now;
    for (let i = 0; i < 45; i++) line.send("chat", { client_id: `c${i}`, group_id: 3 });
    await settled(line);
    const errors = line.frames.filter(({ type }) => type === "error");
    expect(errors.map((error) => error["client_id"])).toEqual(Array.from({ length: 45 }, (_, i) => `c${i}`));
    expect(errors.every((error) => JSON.stringify(error).length < 200)).toBe(true);
    expect(handledAt.filter((at) => at < begun + 1_000).length).toBeLessThan(30);
    expect((handledAt.at(-1) ?? 0) - begun).toBeGreaterThanOrEqual(10_000);
    expect([lines.failures, line.client.readyState]).toEqual([[], line.client.OPEN]);
  });

  test("D-37: a defect is processing_failed: reported, its text stays inside, and the socket works on", async () => {
    const defect = new Error('duplicate key value violates unique constraint "users_email"');
    lines = await openTestConnections({ handlers: { typing: () => Promise.reject(defect) } });
    const line = await lines.connect();
    line.send("typing", {});
    expect(await line.next("error")).toEqual({
      type: "error",
      code: "processing_failed",
      error: "Failed to process message",
    });
    await settled(line);
    expect(lines.failures).toEqual([defect]);
  });

  test("D-5: what is pushed to a connection whose socket has ended goes nowhere", async () => {
    lines = await openTestConnections();
    const [ended, other] = [await lines.connect(), await lines.connect()];
    const gone = once(ended.served, "close");
    ended.client.terminate();
    await gone;
    const next = await lines.connect();
    const push = { userIds: [1], frame: new Frame('{"type":"message"}'), to: "all" } as const;
    ended.connection.push(push);
    ended.connection.ping();
    for (const line of [other, next]) await settled(line);
    expect([other, next].flatMap(({ frames }) => frames.map(({ type }) => type))).toEqual(["pong", "pong"]);
  });
});
