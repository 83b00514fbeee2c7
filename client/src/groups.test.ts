import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryState, type DeviceState } from "./state.ts";
import { fakeDevice as device, quick, until } from "./testing/fake-device.ts";
import { FakeServer } from "./testing/fake-server.ts";

const group = { groupId: 7 };

/** A server with users 1 to 3 in group 7. */
function groupServer(): FakeServer {
  const server = new FakeServer();
  server.join(7, 1, 2, 3);
  return server;
}

test("a group message is acked here and told elsewhere, with what it replies to; a person of the same number has an own lane", async () => {
  const server = groupServer();
  await using one = device(server, 1);
  await using two = device(server, 2);
  await Promise.all([one.connection.whenLive(), two.connection.whenLive()]);
  const asked = server.say(3, group, "question");
  server.answerChat = (clientId) =>
    clientId === held.clientId
      ? { type: "error", error: "later", code: "save_failed", client_id: clientId }
      : undefined;
  const held = one.connection.send({ to: 7, content: "held up" });
  const { acked } = one.connection.send({ to: group, content: "answer", replyTo: asked.id });
  expect((await acked).conversation_id).toBe("group_7");
  await until(() => two.seen.messages.length === 2);
  expect(two.contents()).toEqual(["question", "answer"]);
  expect(two.seen.messages[1]).toMatchObject({ group_id: 7, reply_to_id: asked.id, conversation_id: "group_7" });
  expect([one.contents(), server.requests.some((path) => path.startsWith("/api/messages/changes"))]).toEqual([
    ["question"],
    false,
  ]);
});

test("who is not in a group is refused for good, and other messages go on", async () => {
  const server = groupServer();
  await using nine = device(server, 9);
  await nine.connection.whenLive();
  await expect(nine.connection.send({ to: group, content: "x" }).acked).rejects.toMatchObject({
    code: "not_group_member",
  });
  await nine.connection.send({ to: 2, content: "y" }).acked;
  expect(nine.seen.refused).toEqual(["not_group_member"]);
});

test("a state that names recipients by id alone is still sent", async () => {
  const server = new FakeServer();
  const entry = { clientId: "old", to: 2, content: "from before", messageType: "text" };
  const old = { cursor: "", conversations: [], outbox: [entry] } as unknown as DeviceState;
  await using one = device(server, 1, { state: memoryState(old) });
  await one.connection.drained();
  expect(server.contents(1, 2)).toEqual(["from before"]);
});

test("typing and reading in a group, and people who come and go, are told", async () => {
  const server = groupServer();
  await using one = device(server, 1);
  await using two = device(server, 2);
  await Promise.all([one.connection.whenLive(), two.connection.whenLive()]);
  const { id } = server.say(2, group, "hello");
  await until(() => one.seen.messages.length === 1);
  one.connection.markRead(id);
  one.connection.typing(group);
  one.connection.typing(2);
  await until(() => two.seen.positions.length > 0 && one.seen.positions.length > 0);
  expect([two.seen.positions, one.seen.positions]).toEqual([[`1 read ${id}`], [`1 read ${id}`]]);
  const typing = server.received.filter(({ type }) => type === "typing").map(({ payload }) => payload);
  expect(typing).toEqual([
    { group_id: 7, is_typing: true },
    { recipient_id: 2, is_typing: true },
  ]);
  server.push(1, { type: "typing", sender_id: 3, is_typing: true, timestamp: 1, conversation_id: "group_7" });
  server.push(1, { type: "typing", sender_id: 3, is_typing: true, timestamp: 1 });
  server.push(1, { type: "user_status", user_id: 3, is_online: true });
  expect(one.seen.signs).toEqual(["typing group_7 3", "typing user_3 3", "presence 3 true"]);
});

test("who joins, live or while away, is told what came since and not the history; `all` tells everything", async () => {
  const server = groupServer();
  const state = memoryState();
  {
    await using away = device(server, 4, { state });
    await away.connection.whenLive();
  }
  await using live = device(server, 4);
  await live.connection.whenLive();
  const old = Array.from({ length: 9 }, (_, i) => server.say(2, group, `old ${i}`));
  server.join(7, 4);
  await until(() => live.seen.heads.length > 0);
  const fresh = Array.from({ length: 5 }, (_, i) => `new ${i}`);
  for (const content of fresh) server.say(2, group, content);
  await until(() => live.seen.messages.length === 5);
  await using back = device(server, 4, { state });
  await using all = device(server, 4, { catchUp: "all" });
  await Promise.all([back.connection.whenLive(), all.connection.whenLive()]);
  expect([live.contents(), back.contents(), all.contents()]).toEqual([
    fresh,
    fresh,
    [...old.map(({ content }) => content), ...fresh],
  ]);
  // What came before is followed all the same.
  for (const message of old.slice(0, 2)) server.remove(message);
  server.edit(old[2] ?? server.say(2, group, "never"));
  await until(() => back.seen.updated.length === 1);
  expect(back.seen.signs).toEqual(["deleted group_7 1", "deleted group_7 2"]);
});

test("who joins a group that has been read to its end, or of which nothing was read, needs no look into its past", async () => {
  const server = groupServer();
  await using four = device(server, 4);
  await four.connection.whenLive();
  for (let i = 0; i < 9; i += 1) server.say(2, group, `old ${i}`);
  server.join(7, 4);
  await until(() => four.seen.heads.length > 0);
  server.join(8, 4, 2);
  await until(() => four.seen.heads.some(({ conversation_id: id }) => id === "group_8"));
  server.say(2, { groupId: 8 }, "first");
  await until(() => four.seen.messages.length === 1);
  expect(server.requests.filter((path) => path.includes("/api/groups/"))).toEqual([]);
  expect([four.contents(), four.seen.signs]).toEqual([["first"], ["group group_7", "group group_8", "group group_8"]]);
});

test("edits and deletions are told as they come, after a lost push, and to a device that was away", async () => {
  const server = groupServer();
  const state = memoryState();
  const [a, b, c] = ["a", "b", "c"].map((content) => server.say(2, group, content));
  if (a === undefined || b === undefined || c === undefined) throw new Error("nothing said");
  {
    await using one = device(server, 1, { state });
    await one.connection.whenLive();
    server.remove(a);
    server.line = () => undefined;
    server.remove(b);
    server.line = (_frame, deliver) => deliver();
    server.edit(c);
    await until(() => one.seen.updated.length === 1);
    expect(one.seen.signs).toEqual(["deleted group_7 1", "deleted group_7 2"]);
  }
  server.remove(c);
  server.remove(server.say(2, group, "never seen"));
  server.say(2, group, "d");
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  expect([one.seen.signs, one.contents()]).toEqual([["deleted group_7 3"], ["d"]]);
});

test("an own message that was edited elsewhere before its ack, or before a second one, is told as edited", async () => {
  const server = groupServer();
  await using one = device(server, 1);
  await one.connection.whenLive();
  server.line = () => undefined;
  const { acked } = one.connection.send({ to: group, content: "mine" });
  await until(() => server.contents(1, group).length === 1);
  server.edit(server.last(1, group));
  server.line = (_frame, deliver) => deliver();
  const { client_id, server_id } = await acked;
  await until(() => one.seen.updated.length === 1);
  server.line = () => undefined;
  server.edit(server.last(1, group));
  server.line = (_frame, deliver) => deliver();
  const { ver, seq } = server.last(1, group);
  const again = {
    client_id,
    server_id,
    status: "sent" as const,
    created_at_unix: 1,
    conversation_id: "group_7",
    ver,
    seq,
  };
  server.push(1, { type: "ack", payload: again, ...again });
  server.say(2, group, "next");
  await until(() => one.seen.messages.length === 1);
  expect(one.seen.updated.map(({ content }) => content)).toEqual(["mine!", "mine!!"]);
});

test("a conversation deleted on another device is told as cleared, live and after being away; late pushes stay hidden", async () => {
  const server = groupServer();
  const state = memoryState();
  {
    await using one = device(server, 1, { state, timing: { ...quick, reorder: 500 } });
    await one.connection.whenLive();
    server.say(2, 1, "a");
    let late: (() => void) | undefined;
    server.line = (_frame, deliver) => void (late ??= deliver);
    server.say(2, 1, "late");
    server.line = (_frame, deliver) => deliver();
    server.clear(1, { userId: 2 });
    expect(one.seen.signs).toEqual(["cleared user_2 2"]);
    late?.();
    server.say(3, group, "b");
    server.clear(1, group);
    await until(() => one.seen.signs.length === 2);
    server.say(2, 1, "c");
    expect([one.contents(), one.seen.signs[1]]).toEqual([["a", "b", "c"], "cleared group_7 1"]);
  }
  server.say(3, group, "d");
  server.clear(1, group);
  await using one = device(server, 1, { state });
  await one.connection.whenLive();
  // What changed lately is told again.
  expect([one.seen.signs.toSorted(), one.contents()]).toEqual([["cleared group_7 2", "cleared user_2 2"], []]);
});

test("who is no longer in a group is told once, live and after being away; a late message of it brings it not back", async () => {
  const server = groupServer();
  const states = [memoryState(), memoryState()] as const;
  for (const state of states) {
    await using one = device(server, 1, { state });
    await one.connection.whenLive();
  }
  await using live = device(server, 1, { state: states[0] });
  await live.connection.whenLive();
  let late: (() => void) | undefined;
  server.line = (frame, deliver) => (frame.type === "message" ? void (late ??= deliver) : deliver());
  server.say(2, group, "late");
  server.leave(7, 1);
  await until(() => live.seen.signs.length === 1);
  late?.();
  const heads = (): number => server.requests.filter((path) => path.startsWith("/api/changes")).length;
  const before = heads();
  await until(() => heads() > before);
  await until(() => states[0].load()?.conversations.length === 0);
  await using back = device(server, 1, { state: states[1] });
  await back.connection.whenLive();
  expect([live.seen.signs, live.contents(), back.seen.signs]).toEqual([["left group_7"], [], ["left group_7"]]);
  // Back again, it begins anew.
  server.line = (_frame, deliver) => deliver();
  server.join(7, 1);
  await until(() => live.seen.heads.at(-1)?.conversation_id === "group_7" && back.seen.heads.length > 0);
  server.say(2, group, "welcome");
  await until(() => live.seen.messages.length === 1 && back.seen.messages.length === 1);
  expect([live.contents(), back.contents()]).toEqual([["welcome"], ["welcome"]]);
});

test("a group that changes while it is being read is read again", async () => {
  const server = groupServer();
  await using one = device(server, 1);
  let joined = false;
  server.refuse = (path) => {
    if (path !== "/api/changes" || joined) return undefined;
    joined = true;
    // The answer is made before the change, and the push comes before the answer.
    queueMicrotask(() => server.push(1, { type: "group_update", conversation_id: "group_7", ver: 3, seq: 0 }));
    return undefined;
  };
  await one.connection.whenLive();
  await until(() => server.requests.filter((path) => path.startsWith("/api/changes")).length === 2);
  expect(one.seen.signs).toEqual(["group group_7"]);
});

test("whatever the line does, every member is told every message that stays, once and in order, and of every end", async () => {
  const anyStep = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("say" as const), by: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("remove" as const, "edit" as const), at: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pause" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("cut" as const, "restart" as const) }) },
  );
  type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;
  const fate = fc.constantFrom("fine", "fine", "fine", "lost", "twice", "late");
  const run = async (steps: Step[], fates: string[]): Promise<void> => {
    const server = groupServer();
    const [texts, state] = [new Map<number, string>(), memoryState()];
    const start = (): ReturnType<typeof device> => {
      const one = device(server, 1, { state });
      one.connection.on("message", ({ id, content }) => {
        expect(texts.has(id)).toBe(false);
        texts.set(id, content);
      });
      one.connection.on("updated", ({ id, content }) => texts.has(id) && texts.set(id, content));
      one.connection.on("deleted", ({ messageId }) => texts.delete(messageId));
      return one;
    };
    let one = start();
    await using two = device(server, 2);
    await Promise.all([one.connection.whenLive(), two.connection.whenLive()]);
    let frames = 0;
    server.line = (_frame, deliver) => {
      const what = fates[frames++ % fates.length];
      if (what === "lost") return;
      if (what === "late") setTimeout(deliver, 3);
      else deliver();
      if (what === "twice") deliver();
    };
    const said: ReturnType<FakeServer["say"]>[] = [];
    for (const [index, step] of steps.entries()) {
      if (step.kind === "say" && step.by === 2) two.connection.send({ to: group, content: `two ${index}` });
      else if (step.kind === "say") said.push(server.say(step.by, group, `m${index}`));
      else if (step.kind === "pause") await new Promise((resolve) => setTimeout(resolve, 2));
      else if (step.kind === "cut") server.disconnect();
      else if ("at" in step) {
        const [message] = said.splice(step.at % (said.length || 1), 1);
        if (message !== undefined) server[step.kind](message);
      } else {
        await one[Symbol.asyncDispose]();
        one = start();
      }
    }
    server.line = (_frame, deliver) => deliver();
    await two.connection.drained();
    server.disconnect();
    const wanted = (): string[] => server.contents(1, group);
    await until(() => JSON.stringify([...texts.values()]) === JSON.stringify(wanted())).catch(() => undefined);
    await one[Symbol.asyncDispose]();
    expect([...texts.values()]).toEqual(wanted());
  };
  const fates = fc.array(fate, { minLength: 1, maxLength: 30 });
  await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 40 }), fates, run), { numRuns: 60 });
});
