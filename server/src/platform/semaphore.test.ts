import { expect, test, vi } from "vitest";
import { deferred } from "./deferred.ts";
import { createSemaphore, createSemaphores } from "./semaphore.ts";

/** Work that ends when told. */
function held<T>() {
  const { promise, resolve: finish, reject: fail } = deferred<T>();
  let begun = false;
  const work = () => {
    begun = true;
    return promise;
  };
  return { work, finish, fail, begun: () => begun };
}

test("as many at a time as may be, the others in order, one too many is unavailable", async () => {
  const semaphore = createSemaphore({ parallel: 2, maxWaiting: 2 });
  const works = Array.from({ length: 5 }, () => held<number>());
  const runs = works.map(({ work }) => semaphore.run(work));
  await expect(runs[4]).rejects.toMatchObject({ code: "unavailable" });
  expect(works.map(({ begun }) => begun())).toEqual([true, true, false, false, false]);
  works[1]?.fail(new Error("broken"));
  await expect(runs[1]).rejects.toThrow("broken");
  expect(works.map(({ begun }) => begun())).toEqual([true, true, true, false, false]);
  works[0]?.finish(0);
  expect(await runs[0]).toBe(0);
  expect(works[3]?.begun()).toBe(true);
  works[2]?.finish(2);
  works[3]?.finish(3);
  expect(await Promise.all([runs[2], runs[3]])).toEqual([2, 3]);
  expect(await semaphore.run(async () => "free again")).toBe("free again");
});

test("whoever leaves makes room for one only", async () => {
  const semaphore = createSemaphore({ parallel: 1, maxWaiting: 1 });
  const [first, second, third] = [held<void>(), held<void>(), held<void>()];
  const runs = [semaphore.run(first.work), semaphore.run(second.work)];
  first.finish();
  await runs[0];
  runs.push(semaphore.run(third.work));
  expect([second.begun(), third.begun()]).toEqual([true, false]);
  second.finish();
  third.finish();
  await Promise.all(runs);
});

test("nobody waits for longer than a minute", async () => {
  vi.useFakeTimers();
  const semaphore = createSemaphore({ parallel: 1, maxWaiting: 1 });
  const first = held<number>();
  const running = semaphore.run(first.work);
  const late = held<number>();
  const given = semaphore.run(late.work).catch((error: unknown) => error);
  vi.advanceTimersByTime(60_000);
  expect(await given).toMatchObject({ code: "unavailable" });
  vi.useRealTimers();
  first.finish(1);
  expect([await running, late.begun(), await semaphore.run(async () => 2)]).toEqual([1, false, 2]);
});

test("each key has its own slots", async () => {
  const semaphores = createSemaphores({ parallel: 1, maxWaiting: 1 });
  const [a, b] = [held<string>(), held<string>()];
  const first = semaphores.run(1, a.work);
  const waiting = semaphores.run(1, b.work);
  await expect(semaphores.run(1, async () => "")).rejects.toMatchObject({ code: "unavailable" });
  expect(await semaphores.run(2, async () => "other")).toBe("other");
  a.finish("a");
  b.finish("b");
  expect([await first, await waiting, await semaphores.run(1, async () => "again")]).toEqual(["a", "b", "again"]);
});
