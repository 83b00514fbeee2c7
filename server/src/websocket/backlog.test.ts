import { expect, test } from "vitest";
import { createBacklog, type BacklogMessage } from "./backlog.ts";

const conversationId = 5;
const waiting = (count: number): BacklogMessage[] =>
  Array.from({ length: count }, (_, i) => ({
    conversationId,
    frame: { type: "message", seq: i + 1, message: { id: 1_000 + i } } as BacklogMessage["frame"],
  }));

/** What happens, in order, while `count` messages wait. */
async function flush(count: number, batched: boolean): Promise<string[]> {
  const all = waiting(count);
  const happened: string[] = [];
  const backlog = createBacklog({
    userId: 1,
    batched,
    read: {
      revisions: async () => [],
      async messages({ sentSeqs }) {
        const after = sentSeqs.get(conversationId) ?? 0;
        return all.filter(({ frame }) => frame.seq > after).slice(0, 50);
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
