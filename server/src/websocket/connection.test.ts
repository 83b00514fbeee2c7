import { once } from "node:events";
import { closeCodes, mayReconnect } from "@om/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Frame } from "../delivery/push.ts";
import { FrameRefusal } from "../platform/om-error.ts";
import {
  openTestConnections,
  type TestConnection,
  type TestConnections,
} from "../../tests/fixtures/test-connection.ts";
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { createTokenBucket } from "./token-bucket.ts";

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
    const bucket = createTokenBucket(50, 200, () => lines.clock.now);
    const line = await lines.connect({ bucket });
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
    lines = await openTestConnections({ deps: { sendQueueBytes: 1_000_000 } });
    const [slow, other] = [await lines.connect(), await lines.connect()];
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
    const line = await lines.connect({ bucket: createTokenBucket(10, 5, () => lines.clock.now) });
    const begun = lines.clock.now;
    for (let i = 0; i < 45; i++) line.send("chat", { client_id: `c${i}`, group_id: 3 });
    await settled(line);
    const errors = line.frames.filter(({ type }) => type === "error");
    expect(errors.map((error) => error["client_id"])).toEqual(Array.from({ length: 45 }, (_, i) => `c${i}`));
    expect(errors.every((error) => JSON.stringify(error).length < 200)).toBe(true);
    expect(handledAt.filter((at) => at < begun + 1_000).length).toBeLessThanOrEqual(15);
    expect((handledAt.at(-1) ?? 0) - begun).toBeGreaterThanOrEqual(3_900);
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
