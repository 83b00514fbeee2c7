import { expect, test } from "vitest";
import { createBacklog, type BacklogMessage } from "./backlog.ts";

const conversationId = 5;
const waiting = (count: number, content: string): BacklogMessage[] =>
  Array.from({ length: count }, (_, i) => ({
    conversationId,
    frame: { type: "message", seq: i + 1, message: { id: 1_000 + i, content } } as BacklogMessage["frame"],
  }));

/** What happens, in order, while `count` messages of one text wait. */
async function flush(count: number, batched: boolean, content = ""): Promise<string[]> {
  const all = waiting(count, content);
  const happened: string[] = [];
  const backlog = createBacklog({
    userId: 1,
    batched,
    read: {
      revisions: async () => [],
      async messages({ sentSeqs }) {
        const after = sentSeqs.get(conversationId) ?? 0;
        const messages = all.filter(({ frame }) => frame.seq > after).slice(0, 50);
        return { messages, hasMore: messages.length === 50 };
      },
    },
    send(frame) {
      const ids = frame.type === "batch" ? frame.messages.map(({ message }) => message.id) : [];
      happened.push(frame.type === "batch" ? `batch of ${frame.count}: ${ids[0]} to ${ids.at(-1)}` : frame.type);
    },
    forward: () => undefined,
    sent: () => undefined,
    revised: () => undefined,
    pause: async (ms) => void happened.push(`${ms} ms`),
    isOpen: () => true,
    ready: async () => undefined,
    overflow: () => happened.push("overflow"),
  });
  await backlog.run();
  return happened;
}

test("queue flush: at most 50 per batch with pauses of 100 ms, ids in order", async () => {
  expect(await flush(120, true)).toEqual([
    "batch of 50: 1000 to 1049",
    "100 ms",
    "batch of 50: 1050 to 1099",
    "100 ms",
    "batch of 20: 1100 to 1119",
  ]);
});

test("exactly 50 are looked at once more, fewer are not, and nothing is no batch", async () => {
  expect(await flush(50, true)).toEqual(["batch of 50: 1000 to 1049", "100 ms"]);
  expect(await flush(49, true)).toEqual(["batch of 49: 1000 to 1048"]);
  expect(await flush(0, true)).toEqual([]);
});

test("without gzip=1 each is a frame of its own, with the same pauses", async () => {
  const happened = await flush(60, false);
  const singles = (count: number) => Array.from({ length: count }, () => "message");
  expect(happened).toEqual([...singles(50), "100 ms", ...singles(10)]);
});

test("A1: batches of long texts are cut into pieces", async () => {
  expect(await flush(10, true, "x".repeat(16_000))).toEqual([
    "batch of 4: 1000 to 1003",
    "batch of 4: 1004 to 1007",
    "batch of 2: 1008 to 1009",
  ]);
  expect(await flush(2, true, "x".repeat(200_000))).toEqual(["batch of 1: 1000 to 1000", "batch of 1: 1001 to 1001"]);
});
