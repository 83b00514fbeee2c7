import fc from "fast-check";
import { expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import { createLanes, type LanesOptions } from "./write-lanes.ts";

const options = (execute: (items: string[]) => Promise<string[]>): LanesOptions<string, string> => ({
  lanes: 2,
  maxBatch: 3,
  maxWaiting: 10,
  maxWaitMs: 1_000,
  now: () => 0,
  execute,
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what arrives while a batch runs makes the next one, in order, at most maxBatch at a time", async () => {
  const batches: string[][] = [];
  let release: () => void = () => undefined;
  const lanes = createLanes(
    options(async (items) => {
      batches.push(items);
      await new Promise<void>((resolve) => (release = resolve));
      return items;
    }),
  );
  const all = ["a", "b"].map((item) => lanes.run(2, item));
  await turn();
  all.push(...["c", "d", "e", "f"].map((item) => lanes.run(2, item)));
  expect([batches, lanes.depth()]).toEqual([[["a", "b"]], 6]);
  const idle = lanes.idle();
  for (let i = 0; i < 3; i++) {
    release();
    await turn();
  }
  expect(batches).toEqual([["a", "b"], ["c", "d", "e"], ["f"]]);
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d", "e", "f"]);
  await idle;
  expect(lanes.depth()).toBe(0);
});

test("lanes run side by side, and a key always has the same one", async () => {
  let running = 0;
  let most = 0;
  const lanes = createLanes(
    options(async (items) => {
      most = Math.max(most, ++running);
      await turn();
      running -= 1;
      return items;
    }),
  );
  await Promise.all([1, 2, 3, 4, 1, 2].map((key) => lanes.run(key, "x")));
  expect(most).toBe(2);
});

test("one bad item fails alone", async () => {
  const lanes = createLanes(
    options(async (items) => {
      if (items.includes("bad")) throw new Error("cannot store this");
      return items;
    }),
  );
  const results = await Promise.allSettled(["a", "bad", "b"].map((item) => lanes.run(0, item)));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("a full lane and an item that waited too long are refused as unavailable", async () => {
  let now = 0;
  let release: () => void = () => undefined;
  const slow = async (items: string[]): Promise<string[]> => {
    await new Promise<void>((resolve) => (release = resolve));
    return items;
  };
  const lanes = createLanes({ ...options(slow), now: () => now });
  const first = lanes.run(0, "first");
  await turn();
  const waiting = Array.from({ length: 10 }, () => lanes.run(0, "waiting"));
  await expect(lanes.run(0, "one too many")).rejects.toMatchObject({ code: "unavailable" });
  now = 1_001;
  const settled = Promise.allSettled(waiting);
  release();
  expect(await first).toBe("first");
  expect((await settled).every((one) => one.status === "rejected" && one.reason instanceof OmError)).toBe(true);
  await lanes.idle();
});

test("every item gets its own result, once, whatever fails", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ key: fc.nat(5), bad: fc.boolean() }), { maxLength: 60 }), async (items) => {
      const done = new Map<string, number>();
      const lanes = createLanes({
        ...options(async (batch) => {
          if (batch.some((item) => item.endsWith("bad"))) throw new Error("bad");
          for (const item of batch) done.set(item, (done.get(item) ?? 0) + 1);
          return batch.map((item) => `did ${item}`);
        }),
        maxWaiting: 100,
      });
      const results = await Promise.allSettled(
        items.map(({ key, bad }, index) => lanes.run(key, `${index}${bad ? "bad" : ""}`)),
      );
      for (const [index, { bad }] of items.entries()) {
        const result = results[index];
        if (bad) expect(result?.status).toBe("rejected");
        else expect(result).toEqual({ status: "fulfilled", value: `did ${index}` });
        expect(done.get(String(index)) ?? 0).toBe(bad ? 0 : 1);
      }
    }),
  );
});
