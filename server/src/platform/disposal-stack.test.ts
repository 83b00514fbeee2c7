import { expect, test } from "vitest";
import { deferred } from "./deferred.ts";
import { createDisposalStack } from "./disposal-stack.ts";

test("steps are undone in reverse order, those given together side by side, and once however often it is asked for", async () => {
  const done: string[] = [];
  const { promise: gate, resolve: open } = deferred();
  const disposals = createDisposalStack(() => undefined);
  const thing = { [Symbol.asyncDispose]: async () => void done.push("thing") };
  expect(disposals.use(thing)).toBe(thing);
  disposals.defer(
    async () => {
      await gate;
      done.push("waits");
    },
    () => {
      done.push("opens");
      open();
    },
  );
  disposals.defer(() => done.push("last"));
  const first = disposals[Symbol.asyncDispose]();
  const second = disposals[Symbol.asyncDispose]();
  await second;
  expect(done).toEqual(["last", "opens", "waits", "thing"]);
  await first;
  await disposals[Symbol.asyncDispose]();
  expect(done).toHaveLength(4);
});

test("a step that fails is reported, does not stop the others, and is what the caller is told", async () => {
  const done: string[] = [];
  const reported: unknown[] = [];
  const disposals = createDisposalStack((error) => reported.push(error));
  disposals.defer(() => done.push("first made"));
  disposals.defer(
    () => {
      throw new Error("two");
    },
    async () => done.push("beside it"),
  );
  disposals.defer(() => Promise.reject(new Error("one")));
  await expect(disposals[Symbol.asyncDispose]()).rejects.toThrow("one");
  await expect(disposals[Symbol.asyncDispose]()).rejects.toThrow("one");
  expect(done).toEqual(["beside it", "first made"]);
  expect(reported).toEqual([new Error("one"), new Error("two")]);
});
