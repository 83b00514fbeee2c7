import { expect, test } from "vitest";
import { deferred } from "./deferred.ts";
import { createDisposals } from "./disposals.ts";

test("steps are undone in reverse order, those given together side by side, and once however often it is asked for", async () => {
  const done: string[] = [];
  const { promise: gate, resolve: open } = deferred();
  const disposals = createDisposals(() => undefined);
  const thing = { [Symbol.asyncDispose]: async () => void done.push("thing") };
  expect(disposals.owned(thing)).toBe(thing);
  disposals.add(
    async () => {
      await gate;
      done.push("waits");
    },
    () => {
      done.push("opens");
      open();
    },
  );
  disposals.add(() => done.push("last"));
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
  const disposals = createDisposals((error) => reported.push(error));
  disposals.add(() => done.push("first made"));
  disposals.add(
    () => {
      throw new Error("two");
    },
    async () => done.push("beside it"),
  );
  disposals.add(() => Promise.reject(new Error("one")));
  await expect(disposals[Symbol.asyncDispose]()).rejects.toThrow("one");
  await expect(disposals[Symbol.asyncDispose]()).rejects.toThrow("one");
  expect(done).toEqual(["beside it", "first made"]);
  expect(reported).toEqual([new Error("one"), new Error("two")]);
});
