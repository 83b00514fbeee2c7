import type { OutboundFrame } from "@om/protocol";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { memoryState } from "./state.ts";
import { fakeDevice as device, quick, until } from "./testing/fake-device.ts";
import { FakeServer } from "./testing/fake-server.ts";

test("the first connect tells heads only; what comes then is emitted without reading", async () => {
  const server = new FakeServer();
  for (let i = 0; i < 10; i += 1) server.say(2, 1, `old ${i}`);
  await using one = device(server, 1);
  await one.connection.whenLive();
  const asked = server.requests.length;
  for (let i = 0; i < 10; i += 1) server.say(2, 1, `new ${i}`);
  await until(() => one.seen.messages.length === 10);
  expect(one.contents()).toEqual(Array.from({ length: 10 }, (_, i) => `new ${i}`));
  expect(one.seen.heads.map(({ conversation_id, seq }) => [conversation_id, seq])).toEqual([["user_2", 10]]);
  expect(server.requests.length).toBe(asked);
});

test("with `all` the first connect tells every message there is", async () => {
  const server = new FakeServer();
  for (let i = 0; i < 10; i += 1) server.say(2, 1, `old ${i}`);
  await using one = device(server, 1, { catchUp: "all" });
  await one.connection.whenLive();
  expect(one.contents()).toEqual(server.contents(1, 2));
});

test("a device that comes back is emitted what it missed, edits and new conversations too", async () => {
  const server = new FakeServer();
  const state = memoryState();
  const first = server.say(2, 1, "before");
  {
    await using one = device(server, 1, { state });
    await one.connection.whenLive();
  }
  server.edit(first);
  for (let i = 0; i < 8; i += 1) server.say(3 + (i % 4), 1, `away ${i}`);
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  expect(one.contents().toSorted()).toEqual(Array.from({ length: 8 }, (_, i) => `away ${i}`));
  expect(one.seen.updated.map(({ content }) => content)).toEqual(["before!"]);
});

test("a lost push is noticed at the next one and read; positions come along", async () => {
  const server = new FakeServer();
  await using one = device(server, 1);
  await one.connection.whenLive();
  server.say(2, 1, "a");
  server.line = (frame, deliver) =>
    frame.type === "message" && frame.message.content === "lost" ? undefined : deliver();
  server.say(2, 1, "lost");
  server.say(2, 1, "c");
  await until(() => one.seen.messages.length === 3);
  expect(one.contents()).toEqual(["a", "lost", "c"]);
  expect(server.requests.filter((path) => path.startsWith("/api/messages/changes"))).toHaveLength(1);
});

test("pushes in the wrong order are put right without reading", async () => {
  const server = new FakeServer();
  await using one = device(server, 1, { timing: { ...quick, reorder: 500 } });
  await one.connection.whenLive();
  const late: (() => void)[] = [];
  server.line = (_frame, deliver) => void late.unshift(deliver);
  for (const content of ["a", "b", "c"]) server.say(2, 1, content);
  const asked = server.requests.length;
  for (const deliver of late) deliver();
  expect(one.contents()).toEqual(["a", "b", "c"]);
  expect(server.requests.length).toBe(asked);
});

test("an own message is acked here and a message elsewhere; the ack keeps the conversation in step", async () => {
  const server = new FakeServer();
  await using here = device(server, 1);
  await using there = device(server, 1);
  await Promise.all([here.connection.whenLive(), there.connection.whenLive()]);
  const { clientId, acked } = here.connection.send({ to: 2, content: "mine" });
  expect((await acked).client_id).toBe(clientId);
  server.say(2, 1, "theirs");
  await until(() => here.seen.messages.length === 1 && there.seen.messages.length === 2);
  expect([here.contents(), there.contents()]).toEqual([["theirs"], ["mine", "theirs"]]);
  expect(here.seen.acked.map(({ seq }) => seq)).toEqual([1]);
  expect(server.requests.some((path) => path.startsWith("/api/messages/changes"))).toBe(false);
});

test("a message whose ack was lost with the line is acked by what is read, and not emitted as another device's", async () => {
  const server = new FakeServer();
  const state = memoryState();
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  server.line = (frame, deliver) => (frame.type === "ack" ? server.disconnect() : deliver());
  const { acked } = one.connection.send({ to: 2, content: "once" });
  await until(() => server.contents(1, 2).length === 1);
  server.line = (_frame, deliver) => deliver();
  expect((await acked).seq).toBe(1);
  await one.connection.drained();
  await until(() => one.connection.isLive);
  expect([one.seen.acked.length, one.contents(), server.contents(1, 2)]).toEqual([1, [], ["once"]]);
});

test("an ack behind a gap settles at once and is not emitted again when the gap is read", async () => {
  const server = new FakeServer();
  const state = memoryState();
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  server.line = (frame, deliver) => (frame.type === "message" ? undefined : deliver());
  server.say(2, 1, "lost");
  await one.connection.send({ to: 2, content: "mine" }).acked;
  expect(state.load()?.outbox).toHaveLength(1);
  await until(() => one.seen.messages.length === 1);
  expect([one.contents(), one.seen.acked.length]).toEqual([["lost"], 1]);
  await until(() => state.load()?.outbox.length === 0);
});

test("acknowledged messages leave the state", async () => {
  const server = new FakeServer();
  const state = memoryState();
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  await Promise.all(["a", "b"].map((content) => one.connection.send({ to: 2, content }).acked));
  await until(() => state.load()?.outbox.length === 0);
  expect(state.load()?.conversations).toEqual([["user_2", { ver: 2, seq: 2 }]]);
});

test("messages to one person keep their order although one is refused for a while", async () => {
  const server = new FakeServer();
  await using one = device(server, 1);
  await one.connection.whenLive();
  let refusals = 0;
  server.answerChat = (clientId): OutboundFrame | undefined =>
    ++refusals === 2 ? { type: "error", error: "later", code: "save_failed", client_id: clientId } : undefined;
  const texts = Array.from({ length: 6 }, (_, i) => `m${i}`);
  await Promise.all(texts.map((content) => one.connection.send({ to: 2, content }).acked));
  expect(server.contents(1, 2)).toEqual(texts);
  expect(one.seen.refused).toEqual([]);
});

test("a server that asks for patience gets it: the message waits and is sent again", async () => {
  const server = new FakeServer();
  await using one = device(server, 1);
  await one.connection.whenLive();
  let refusals = 3;
  server.answerChat = (clientId): OutboundFrame | undefined =>
    refusals-- > 0 ? { type: "error", error: "slow down", code: "rate_limited", client_id: clientId } : undefined;
  await one.connection.send({ to: 2, content: "patience" }).acked;
  expect([server.contents(1, 2), one.seen.refused]).toEqual([["patience"], []]);
  expect(server.requests.filter((path) => path.startsWith("/api/users/"))).toEqual([]);
});

test("what is too long is refused before it is sent, counted as the server counts: characters, without blanks around them", async () => {
  const server = new FakeServer();
  await using one = device(server, 1, { maxMessageChars: 5 });
  await one.connection.whenLive();
  await one.connection.send({ to: 2, content: "  \u{1f600}\u{1f600}\u{1f600}45  " }).acked;
  expect(() => one.connection.send({ to: 2, content: "123456" })).toThrow(
    new RangeError("the message is longer than 5 characters"),
  );
  expect(server.received.filter(({ type }) => type === "chat")).toHaveLength(1);
});

test("whoever waits until everything is sent hears when it cannot be: the server takes nothing, or the connection has ended", async () => {
  const server = new FakeServer();
  await using one = device(server, 1);
  await one.connection.whenLive();
  server.answerChat = (clientId) => ({ type: "error", error: "?", code: "save_failed", client_id: clientId });
  one.connection.send({ to: 2, content: "x" });
  await expect(one.connection.drained(30)).rejects.toThrow("1 messages are not sent yet");
  const waiting = expect(one.connection.drained()).rejects.toThrow("has ended");
  await one.connection.close();
  await waiting;
  await expect(one.connection.drained()).rejects.toThrow("has ended");
  await expect(one.connection.whenLive()).rejects.toThrow("has ended");
});

test("a connection that is idle wakes up for pings and readings only", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] });
  try {
    const server = new FakeServer();
    await using one = device(server, 1);
    const sent = one.connection.send({ to: 2, content: "x" }).acked;
    await vi.advanceTimersByTimeAsync(10_000);
    await sent;
    await vi.advanceTimersByTimeAsync(10_000);
    // The fake line needs no ping, so what is left is the reading.
    expect(vi.getTimerCount()).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});

test("a refusal for ever rejects, also that of a person who does not exist; the rest goes on", async () => {
  const server = new FakeServer();
  await using one = device(server, 1);
  await one.connection.whenLive();
  server.answerChat = (clientId): OutboundFrame => ({
    type: "error",
    error: "no",
    code: "invalid_target",
    client_id: clientId,
  });
  await expect(one.connection.send({ to: 2, content: "x" }).acked).rejects.toMatchObject({ code: "invalid_target" });
  server.answerChat = (clientId): OutboundFrame => ({
    type: "error",
    error: "?",
    code: "save_failed",
    client_id: clientId,
  });
  await expect(one.connection.send({ to: 404, content: "x" }).acked).rejects.toMatchObject({ code: "user_not_found" });
  server.answerChat = () => undefined;
  await one.connection.send({ to: 2, content: "fine" }).acked;
  expect(one.seen.refused).toEqual(["invalid_target", "user_not_found"]);
});

test("what was written offline is sent by the next run of the device, and read receipts too", async () => {
  const server = new FakeServer();
  const state = memoryState();
  const incoming = server.say(2, 1, "hello");
  {
    await using one = device(server, 1, { state });
    await one.connection.whenLive();
  }
  server.refuse = () => 503;
  {
    await using one = device(server, 1, { state });
    one.connection.send({ to: 2, content: "in the dark" });
    one.connection.markRead(incoming.id);
    await until(() => one.seen.statuses.includes("offline"));
  }
  server.refuse = () => undefined;
  await using one = device(server, 1, { state });
  await until(() => one.seen.acked.length === 1 && one.seen.positions.includes(`1 read ${incoming.id}`));
  expect(server.contents(1, 2)).toEqual(["hello", "in the dark"]);
});

test("received messages are acknowledged once per conversation, for the newest", async () => {
  const server = new FakeServer();
  await using one = device(server, 1, { timing: { ...quick, receipt: 30 } });
  await one.connection.whenLive();
  for (let i = 0; i < 20; i += 1) server.say(2, 1, `m${i}`);
  await until(() => one.seen.positions.length > 0);
  const receipts = server.received.filter(({ type }) => type === "ack");
  expect(receipts.map(({ payload }) => payload)).toEqual([{ server_id: 20, status: "delivered" }]);
});

test("a restored server is followed from where it stands; a broken cursor is as good as none", async () => {
  const server = new FakeServer();
  const state = memoryState();
  server.say(2, 1, "a");
  {
    await using one = device(server, 1, { state });
    await one.connection.whenLive();
  }
  server.restore();
  server.say(2, 1, "b");
  {
    await using one = device(server, 1, { state });
    await one.connection.whenLive();
    expect([one.seen.resets, one.contents()]).toEqual([1, ["b"]]);
  }
  const saved = state.load();
  if (saved === undefined) throw new Error("nothing saved");
  // The copy that was restored is older than what the device knows of one conversation, and has not the other.
  const conversations = [...saved.conversations, ["user_9", { ver: 7, seq: 7 }] as const];
  const ahead = conversations.map(([id, at]): [string, typeof at] => [id, { ver: at.ver + 50, seq: at.seq + 50 }]);
  state.save({ ...saved, cursor: "broken", conversations: ahead });
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  server.say(2, 1, "c");
  server.say(9, 1, "d");
  await until(() => one.seen.messages.length === 2);
  expect([one.seen.resets, one.contents()]).toEqual([1, ["c", "d"]]);
});

test("numbers that a promoted standby gives out again are read again", async () => {
  const server = new FakeServer();
  const state = memoryState();
  server.say(2, 1, "kept");
  server.say(2, 1, "lost");
  {
    await using one = device(server, 1, { state });
    await one.connection.whenLive();
  }
  server.promote(1, 2);
  server.say(2, 1, "in its place");
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  expect([one.seen.resets, one.contents()]).toEqual([1, ["in its place"]]);
});

test("a close code that forbids it, or a session that is over, ends the connection", async () => {
  const server = new FakeServer();
  await using one = device(server, 1);
  await one.connection.whenLive();
  server.disconnect(4500);
  await until(() => one.seen.statuses.at(-1) === "ended");
  server.refuse = (path) => (path === "/ws" ? 401 : 401);
  await using two = device(server, 1);
  await expect(two.connection.whenLive()).rejects.toThrow("ended");
});

test("whatever the line does, both sides are emitted every message of the other once and in order", async () => {
  const anyStep = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("1 says" as const, "2 says" as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pause" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom("cut" as const, "restart" as const, "outage" as const) }),
    },
  );
  const fate = fc.constantFrom("fine", "fine", "fine", "fine", "lost", "twice", "late");
  const run = async (steps: { kind: string }[], fates: string[]): Promise<void> => {
    const server = new FakeServer();
    const states = [memoryState(), memoryState()] as const;
    const emitted: Record<number, string[]> = { 1: [], 2: [] };
    const start = (selfId: 1 | 2): ReturnType<typeof device> => {
      const one = device(server, selfId, { state: states[selfId - 1] ?? memoryState() });
      one.connection.on("message", ({ content }) => emitted[selfId]?.push(content));
      return one;
    };
    let one = start(1);
    await using two = start(2);
    await Promise.all([one.connection.whenLive(), two.connection.whenLive()]);
    let frames = 0;
    server.line = (_frame, deliver) => {
      const what = fates[frames++ % fates.length];
      if (what === "lost") return;
      if (what === "late") setTimeout(deliver, 3);
      else deliver();
      if (what === "twice") deliver();
    };
    const said: Record<number, string[]> = { 1: [], 2: [] };
    for (const [index, { kind }] of steps.entries()) {
      if (kind === "1 says" || kind === "2 says") {
        const from = kind === "1 says" ? one : two;
        said[from === one ? 1 : 2]?.push(`m${index}`);
        from.connection.send({ to: from === one ? 2 : 1, content: `m${index}` });
      } else if (kind === "pause") await new Promise((resolve) => setTimeout(resolve, 2));
      else if (kind === "cut") server.disconnect();
      else if (kind === "outage") {
        server.refuse = () => 503;
        setTimeout(() => (server.refuse = () => undefined), 5);
      } else {
        await one.connection[Symbol.asyncDispose]();
        one = start(1);
      }
    }
    server.line = (_frame, deliver) => deliver();
    await Promise.all([one.connection.drained(), two.connection.drained()]);
    server.disconnect();
    const enough = (): boolean => emitted[1]?.length === said[2]?.length && emitted[2]?.length === said[1]?.length;
    await until(enough).catch(() => undefined);
    await one[Symbol.asyncDispose]();
    expect([emitted[1], emitted[2]]).toEqual([said[2], said[1]]);
    expect(server.contents(1, 2).toSorted()).toEqual([...(said[1] ?? []), ...(said[2] ?? [])].toSorted());
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { minLength: 1, maxLength: 40 }),
      fc.array(fate, { minLength: 1, maxLength: 30 }),
      run,
    ),
    {
      numRuns: 60,
    },
  );
});
