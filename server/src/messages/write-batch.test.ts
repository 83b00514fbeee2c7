import { expect, test } from "vitest";
import { createUserViews } from "../accounts/user-view.ts";
import type { Post } from "../cache/posts.ts";
import type { Push } from "../delivery/push.ts";
import { DatabaseUnavailable, type Queries } from "../platform/postgres/database.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";
import { createWriteBatch } from "./write-batch.ts";
import type { SendWrite } from "./write.ts";

const send = (clientId: string): SendWrite => ({
  kind: "send",
  message: {
    senderId: 1,
    to: { recipientId: 2 },
    clientId,
    messageType: "text",
    content: clientId,
    replyToId: undefined,
  },
  socketId: "s",
});
const row = (ord: number, group: number | null = null) => ({
  ord,
  id: 10 + ord,
  conversation_id: 1,
  sender: 1,
  recipient: group === null ? 2 : null,
  group_id: group,
  seq: ord,
  ver: ord,
  status: "sent",
  created_at: "2026-11-23T08:00:00+00:00",
  hidden: false,
  reply: null,
});
const senders = [{ id: 1, username: "ada", email: "", full_name: "", avatar: "", role: "user", last_seen: null }];
/** What send_batch() answers. */
const stored = (...rows: ReturnType<typeof row>[]) => [{ sent: { stored: rows, senders, members: { 3: [1, 2, 4] } } }];
const known = (...rows: ReturnType<typeof row>[]) => [{ sent: { stored: [], known: rows, senders } }];

const post = (_of: unknown, what: Pick<Post, "prev" | "records">): Post => ({
  source: { ttlMs: 1, maxBytes: 1, maxRecords: 1 },
  ...what,
  compact: async () => undefined,
});

/** A database that answers each query in turn, and leaves all messages to send_batch(); an Error is thrown. */
function batchOn(answers: (unknown[] | Error)[], outage = false) {
  const pushed: Push[] = [];
  const asked: unknown[][] = [];
  const claimed: unknown[] = [];
  const invalidated: string[] = [];
  let now = 0;
  const db: Queries = {
    async query({ name }, values) {
      if (name === "messages.send_direct" && !(answers[0] instanceof Error)) return [{ sent: null }] as never;
      asked.push([...values]);
      const answer = answers.shift();
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("asked too often");
      return answer as never;
    },
  };
  const execute = createWriteBatch({
    writes: {
      batch: (work) => work(db, null, (all) => void invalidated.push(...all.map(({ key, ver }) => `${key} ${ver}`))),
    },
    posts: { history: post, list: post },
    bus: { publish: (events) => void pushed.push(...(events as Push[])), subscribe: () => undefined },
    reads: { add: () => undefined },
    async canRead(_db, claims) {
      claimed.push(claims);
      if (claimed.length === 1 && outage) throw new DatabaseUnavailable("away");
      return claims.map(({ key }) => key === "raiseFloor");
    },
    views: createUserViews({ exposeEmails: false, presence: presenceSource() }),
    isOnline: () => true,
    afterAcks: (run) => run(),
    now: () => now,
    pause: async (ms) => void (now += ms),
  });
  return { execute, pushed, asked, claimed, invalidated, now: () => now };
}

test("a client_id twice in one batch is stored once; the second is its duplicate and is not pushed", async () => {
  const { execute, pushed, asked } = batchOn([stored(row(1), row(2))]);
  const results = await execute([send("a"), send("b"), send("a")]);
  expect(asked[0]?.[3]).toEqual(["a", "b"]);
  expect(results.map((one) => one !== undefined && "outcome" in one && [one.outcome, one.id])).toEqual([
    ["stored", 11],
    ["stored", 12],
    ["duplicate", 11],
  ]);
  expect(pushed.filter(({ to }) => to === "all").map(({ userIds, message }) => [...userIds, message?.id])).toEqual([
    [2, 11],
    [2, 12],
  ]);
});

test("a duplicate is answered and not pushed, but after an unknown outcome it may be ours and is pushed", async () => {
  const plain = batchOn([known(row(1))]);
  await plain.execute([send("a")]);
  expect(plain.pushed).toEqual([]);
  const unknown = batchOn([new DatabaseUnavailable("lost"), known(row(1))]);
  await unknown.execute([send("a")]);
  expect(unknown.pushed.filter(({ to }) => to === "all")).toHaveLength(1);
});

test("an outage is waited out for some seconds, then told", async () => {
  const away = batchOn(Array.from({ length: 100 }, () => new DatabaseUnavailable("away")));
  await expect(away.execute([send("a")])).rejects.toBeInstanceOf(DatabaseUnavailable);
  expect(away.now()).toBeGreaterThan(8_000);
  expect(away.now()).toBeLessThan(10_000);
});

test("the first message to somebody marks its writer's profile, whatever else is written beside it", async () => {
  const [answer] = stored(row(1), row(2, 3));
  const { execute, invalidated } = batchOn([[{ sent: { ...answer?.sent, opened: { 1: 7 } } }]]);
  const toGroup = send("b");
  await execute([send("a"), { ...toGroup, message: { ...toGroup.message, to: { groupId: 3 } } }]);
  expect(invalidated).toContain("profile:1 7");
});

test("an unknown recipient has no result", async () => {
  expect(await batchOn([stored()]).execute([send("a")])).toEqual([undefined]);
});

test("a message whose commit was never heard of is pushed when it is sent again, and only then", async () => {
  const lost = batchOn([
    ...Array.from({ length: 13 }, () => new DatabaseUnavailable("lost")),
    known(row(1)),
    known(row(1)),
  ]);
  await expect(lost.execute([send("a")])).rejects.toBeInstanceOf(DatabaseUnavailable);
  await lost.execute([send("a")]);
  expect(lost.pushed.filter(({ to }) => to === "all")).toHaveLength(1);
  await lost.execute([send("a")]);
  expect(lost.pushed.filter(({ to }) => to === "all")).toHaveLength(1);
});

test("positions move before messages are stored, so that nothing stands between a commit and its ack", async () => {
  const { execute, asked } = batchOn([[], stored(row(1))]);
  await execute([send("a"), { kind: "advance", update: { userId: 7, to: { messageId: 5 }, read: true } }]);
  expect(asked.map(([first]) => first)).toEqual([[7], [1]]);
});

test("attachments of others are asked about once per batch, through an outage too; what the sender may not read is text", async () => {
  const image = (clientId: string, foreignAttachment?: string): SendWrite => {
    const one = send(clientId);
    const attachment = foreignAttachment === undefined ? undefined : { key: foreignAttachment, url: "the URL" };
    return { ...one, message: { ...one.message, messageType: "image" }, foreignAttachment: attachment };
  };
  const { execute, asked, claimed, pushed } = batchOn([stored(row(1), row(2), row(3), row(4))], true);
  await execute([image("a", "raiseFloor"), image("b", "unseen"), image("c"), send("d")]);
  const claims = ["raiseFloor", "unseen"].map((key) => ({ key, userId: 1 }));
  expect(claimed).toEqual([claims, claims]);
  expect(asked.map((values) => values[4])).toEqual([["image", "text", "image", "text"]]);
  expect(asked.map((values) => values[5])).toEqual([["a", "the URL", "c", "d"]]);
  const told = pushed.filter(({ to }) => to === "all").map(({ frame }) => JSON.parse(frame.text) as unknown);
  expect(told).toMatchObject(["image", "text", "image", "text"].map((type) => ({ message: { message_type: type } })));
  const plain = batchOn([stored(row(1))]);
  await plain.execute([send("a")]);
  expect(plain.claimed).toEqual([]);
});

test("of a group each message goes once to all others, in one push, and to the sender's resuming devices", async () => {
  const toGroup = (clientId: string): SendWrite => {
    const one = send(clientId);
    return { ...one, message: { ...one.message, to: { groupId: 3 } } };
  };
  const { execute, pushed } = batchOn([stored(row(1, 3), row(2, 3))]);
  await execute([toGroup("a"), toGroup("b")]);
  expect(pushed.map(({ userIds, to, message }) => [userIds, to, message?.id])).toEqual([
    [[2, 4], "all", 11],
    [[1], "resuming", 11],
    [[2, 4], "all", 12],
    [[1], "resuming", 12],
  ]);
  expect(pushed[0]?.frame).toBe(pushed[1]?.frame);
});
