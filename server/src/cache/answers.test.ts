import fc from "fast-check";
import { expect, test } from "vitest";
import { deferred } from "../platform/deferred.ts";
import { createWorld, question, showing, source } from "../../tests/fixtures/answers-world.ts";
import type { Answer } from "./answer-memory.ts";
import type { Reads } from "./recorder.ts";

/** Bytes of an answer whose body is `length` bytes long. */
const text = (length: number): string => "x".repeat(length - 2);

test("an answer is kept, for its viewer, address and e-mail only, and proven by one look at what it was made of", async () => {
  const world = createWorld();
  const keys = ["conv:1:2", "profile:1", "profile:2"];
  expect(await world.getKeys(keys, question("/a"))).toEqual(["served", "[0,0,0]"]);
  for (let times = 0; times < 3; times++)
    expect(await world.getKeys(keys, question("/a"))).toEqual(["kept", "[0,0,0]"]);
  // While the counter of profiles stands still none of them is asked for.
  expect(world.looks).toEqual([["conv:1:2"], ["profile:1", "profile:2"], ["conv:1:2"], ["conv:1:2"]]);
  for (const other of [{ viewerId: 2 }, { url: "/b" }, { as: "b@example.org" }]) {
    expect(world.answers.find({ ...question("/a"), ...other })).toBeUndefined();
  }
  world.change("profile:3");
  expect(await world.getKeys(keys, question("/a"))).toEqual(["kept", "[0,0,0]"]);
  world.change("profile:2");
  expect(await world.getKeys(keys, question("/a"))).toEqual(["served", "[0,0,1]"]);
  expect(world.results.filter((result) => result === "made")).toHaveLength(2);
});

test("the same bytes have the same tag, others another", async () => {
  const world = createWorld();
  const tag = async (key: string, url: string): Promise<string> =>
    (await world.answers.serve(question(url), showing([key]))).etag;
  expect(await tag("conv:1:2", "/a")).toBe(await tag("conv:1:3", "/b"));
  world.change("conv:1:3");
  expect(await tag("conv:1:3", "/b")).not.toBe(await tag("conv:1:2", "/a"));
});

const keys = ["conv:1:2", "convlist:1", "profile:1", "profile:2"];
const anyKey = fc.constantFrom(...keys);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      is: fc.constant("ask" as const),
      keys: fc.constantFrom(keys, keys.slice(1, 3)),
      during: fc.option(anyKey, { freq: 10 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom("change" as const, "write" as const), key: anyKey }) },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constantFrom("online", "dropCounters", "silent", "counters", "clear", "late") }),
  },
);

test("whatever changes, and whenever: nobody is given what was not true after he asked", async () => {
  let kept = 0;
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
    const world = createWorld();
    for (const one of steps) {
      if ("key" in one) {
        world.change(one.key);
        if (one.is === "write") world.raise(one.key, world.version(one.key));
      } else if (one.is === "online") world.setOnline(!world.state.online);
      else if (one.is === "dropCounters") ["profile:ver", "online:ver"].forEach(world.dropCounter);
      else if (one.is === "silent") world.state.isSilent = !world.state.isSilent;
      else if (one.is === "counters") world.state.hasCounters = !world.state.hasCounters;
      else if (one.is === "clear") world.answers.clear();
      else if (one.is === "late") world.state.now += 600;
      else if ("keys" in one) {
        const before = [...one.keys.map(world.version), world.state.online];
        const [how, answer] = await world.get(question(one.keys.join()), async (reads) => {
          const { changes } = world.state;
          reads.observe(world.observation(), changes);
          const [first, ...rest] = one.keys;
          const begun = await showing(first === undefined ? [] : [first])(reads);
          if (one.during !== null) world.change(one.during);
          return [...begun, ...(await showing(rest)(reads)), world.state.online];
        });
        if (how === "kept") kept += 1;
        const after = [...one.keys.map(world.version), world.state.online];
        const shown = JSON.parse(answer) as unknown[];
        for (const [at, value] of shown.entries()) expect([before[at], after[at]]).toContain(value);
      }
    }
  });
  await fc.assert(property, { numRuns: 120 });
  expect(kept).toBeGreaterThan(120);
});

test("what this node has seen to be newer is not even asked about", async () => {
  const world = createWorld();
  const [one, other] = [
    ["conv:1:2", "profile:1"],
    ["conv:1:3", "profile:1"],
  ] as const;
  for (const keys of [one, other]) await world.getKeys(keys);
  const asked = async (keys: readonly string[]): Promise<[how: string, isLooked: boolean]> => {
    const before = world.looks.length;
    const [how] = await world.getKeys(keys);
    return [how, world.looks.length > before];
  };
  world.raise("conv:1:2", 1);
  expect(await asked(one)).toEqual(["served", false]);
  world.raise("conv:1:3", 0);
  expect(await asked(other)).toEqual(["kept", true]);
  world.raise("profile:1", 1);
  expect(await asked(other)).toEqual(["served", false]);
});

test.each<[string, (world: ReturnType<typeof createWorld>, reads: Reads) => unknown]>([
  ["a floor rose above what it shows", (world) => world.raise("conv:1:2", 1)],
  ["another run of the database began", (world) => world.answers.clear()],
  ["something was read that has no version", (_, reads) => reads.bypass()],
  [
    "two versions of one object were read",
    async (world, reads) => {
      world.change("conv:1:2");
      await reads.read(source, ["conv:1:2"]);
    },
  ],
])("not kept: while it was made, %s", async (_, happens) => {
  const world = createWorld();
  const make = async (reads: Reads): Promise<string> => {
    await reads.read(source, ["conv:1:2"]);
    await happens(world, reads);
    return "made";
  };
  const answer = await world.answers.serve(question("/a"), make);
  expect(String(answer.body)).toBe('"made"');
  expect(world.answers.find(question("/a"))).toBeUndefined();
  expect(await world.answers.prove(answer)).toBe(false);
});

test("an answer that is being made when nothing can be told is kept, and proven later", async () => {
  const world = createWorld();
  world.state.isSilent = true;
  expect((await world.getKeys(["conv:1:2"]))[0]).toBe("served");
  expect((await world.getKeys(["conv:1:2"]))[0]).toBe("served");
  world.state.isSilent = false;
  expect((await world.getKeys(["conv:1:2"]))[0]).toBe("kept");
  expect(world.results).toEqual(["made", "unknown", "made", "proven"]);
});

/** Somebody asks while the answer is made for somebody else: what he gets, and how often it was made. */
async function shared(
  meanwhile: (world: ReturnType<typeof createWorld>) => unknown,
  after: (reads: Reads) => unknown = () => undefined,
): Promise<[texts: string[], made: number]> {
  const world = createWorld();
  const [begun, goOn] = [deferred(), deferred()];
  const make = async (reads: Reads): Promise<number[]> => {
    const shown = await showing(["conv:1:2"])(reads);
    begun.resolve();
    await goOn.promise;
    await after(reads);
    return shown;
  };
  const first = world.answers.serve(question("/a"), make);
  await begun.promise;
  await meanwhile(world);
  const others = Array.from({ length: 20 }, () => world.answers.serve(question("/a"), make));
  goOn.resolve();
  const all = await Promise.all([first, ...others]);
  return [all.map(({ body }) => String(body)), world.results.filter((result) => result === "made").length];
}

test("those who ask while an answer is made share it if it is right for them too, else the next one", async () => {
  const all = (first: string, others: string): string[] => [first, ...Array.from({ length: 20 }, () => others)];
  expect(await shared(() => undefined)).toEqual([all("[0]", "[0]"), 1]);
  // The object changed before the others asked.
  const [texts, made] = await shared((world) => world.change("conv:1:2"));
  expect(texts).toEqual(all("[0]", "[1]"));
  expect(made).toBe(2);
  // What is not kept is good for those only who asked before it was begun.
  const bypassed = await shared(
    () => undefined,
    (reads) => reads.bypass(),
  );
  expect(bypassed[1]).toBe(2);
  expect((await shared((world) => world.raise("conv:1:2", 1)))[1]).toBe(2);
});

test("what is shown first of all is not shared with somebody else, even at the same address", async () => {
  const world = createWorld();
  const goOn = deferred();
  const make = (who: string) => async (): Promise<string> => {
    await goOn.promise;
    return who;
  };
  const both = [1, 2].map((viewer) => world.answers.serve(question("/a", viewer), make(`viewer ${viewer}`)));
  goOn.resolve();
  expect((await Promise.all(both)).map(({ body }) => String(body))).toEqual(['"viewer 1"', '"viewer 2"']);
});

test("a failure is of those who asked before: who waited gets the next answer, and nothing is left of it", async () => {
  const world = createWorld();
  const begun = deferred();
  const first = world.answers.serve(question("/a"), async () => {
    await begun.promise;
    throw new Error("the first one");
  });
  const second = world.answers.serve(question("/a"), showing(["conv:1:2"]));
  const third = world.answers.serve(question("/a"), showing(["conv:1:2"]));
  begun.resolve();
  await expect(first).rejects.toThrow("the first one");
  expect([String((await second).body), String((await third).body)]).toEqual(["[0]", "[0]"]);
  expect((await world.getKeys(["conv:1:2"], question("/a")))[0]).toBe("kept");
});

test("what has changed is made again for all who ask for it, once, by whoever made it first", async () => {
  const world = createWorld();
  const answer = await world.answers.serve(question("/a"), showing(["conv:1:2"]));
  for (const isOwn of [false, true]) {
    world.state.now += 1;
    world.change("conv:1:2");
    if (isOwn) world.raise("conv:1:2", world.version("conv:1:2"));
    const before = world.results.filter((result) => result === "made").length;
    const kept = world.answers.find(question("/a")) ?? answer;
    world.looked.before = async () => void (world.state.now += 1);
    const all = await Promise.all(Array.from({ length: 20 }, () => world.answers.current(kept)));
    const text = `[${world.version("conv:1:2")}]`;
    expect(all.map((one) => String(one?.body))).toEqual(Array.from({ length: 20 }, () => text));
    expect(world.results.filter((result) => result === "made").length).toBe(before + 1);
  }
});

test("what began to be made before somebody asked is not given to them unproven", async () => {
  const world = createWorld();
  const [begun, goOn] = [deferred(), deferred()];
  let isHeld = false;
  const answer = await world.answers.serve(question("/a"), async (reads) => {
    const shown = await showing(["conv:1:2"])(reads);
    begun.resolve();
    if (isHeld) await goOn.promise;
    isHeld = false;
    return shown;
  });
  isHeld = true;
  world.change("conv:1:2");
  const first = world.answers.current(answer);
  await expect.poll(() => world.results.filter((result) => result === "made").length).toBe(2);
  world.state.now += 1;
  world.change("conv:1:2");
  const second = world.answers.current(answer);
  goOn.resolve();
  expect([await first, await second].map((one) => String(one?.body))).toEqual(["[1]", "[2]"]);
});

test("whoever may not have it any more is sent the usual way, and nothing is left of it", async () => {
  const world = createWorld();
  const answer = await world.answers.serve(question("/a"), async (reads) => {
    const [ver = 0] = await showing(["conv:1:2"])(reads);
    if (ver > 0) throw new Error("not a member");
    return ver;
  });
  world.change("conv:1:2");
  expect(await world.answers.current(answer)).toBeUndefined();
  expect(world.answers.find(question("/a"))).toBeUndefined();
});

test("an answer that was dropped while it was proven is not served", async () => {
  const world = createWorld();
  const answer = await world.answers.serve(question("/a"), showing(["conv:1:2"]));
  world.looked.before = async () => world.raise("conv:1:2", 1);
  expect(await world.answers.prove(answer)).toBe(false);
});

test("what was observed is looked at again when this node or another one has changed it, and after its time", async () => {
  const world = createWorld();
  let looks = 0;
  const isUnchanged = async (): Promise<boolean> => {
    looks += 1;
    return true;
  };
  const make = async (reads: Reads): Promise<string> => {
    reads.observe(world.observation({ isUnchanged }), world.state.changes);
    return "shown";
  };
  const looksOfNext = async (): Promise<number> => {
    const before = looks;
    await world.get(question("/a"), make);
    return looks - before;
  };
  expect(await looksOfNext()).toBe(0);
  expect([await looksOfNext(), await looksOfNext()]).toEqual([1, 0]);
  world.state.changes += 1;
  expect([await looksOfNext(), await looksOfNext()]).toEqual([1, 0]);
  world.setOnline(true);
  expect([await looksOfNext(), await looksOfNext()]).toEqual([1, 0]);
  world.dropCounter("online:ver");
  expect([await looksOfNext(), await looksOfNext()]).toEqual([1, 0]);
  world.state.now += 999;
  expect(await looksOfNext()).toBe(0);
  world.state.now += 1;
  expect([await looksOfNext(), await looksOfNext()]).toEqual([1, 0]);
  // Without a counter nothing tells what other nodes did.
  world.state.hasCounters = false;
  expect([await looksOfNext(), await looksOfNext()]).toEqual([1, 1]);
  expect(world.results.filter((result) => result === "made")).toHaveLength(1);
});

test("what no other node can change is believed until this one changes it", async () => {
  const world = createWorld();
  world.state.hasCounters = false;
  const alone = { counter: "", maxAgeMs: Number.POSITIVE_INFINITY };
  const make = async (reads: Reads): Promise<boolean> => {
    reads.observe(world.observation(alone), world.state.changes);
    return world.state.online;
  };
  for (const how of ["served", "kept", "kept"]) expect(await world.get(question("/a"), make)).toEqual([how, "false"]);
  world.state.online = true;
  world.state.changes += 1;
  expect(await world.get(question("/a"), make)).toEqual(["served", "true"]);
});

test("64 answers of a viewer are kept, the oldest goes first; one that is very long is not", async () => {
  const world = createWorld();
  for (let n = 0; n < 70; n++) await world.getKeys(["conv:1:2"], question(`/${n}`));
  expect(world.answers.state().count).toBe(64);
  const isKept = (url: string, viewer = 1): boolean => world.answers.find(question(url, viewer)) !== undefined;
  expect([isKept("/5"), isKept("/6"), isKept("/69")]).toEqual([false, true, true]);
  await world.get(question("/long", 2), async () => text(512 * 1024));
  await world.get(question("/longer", 2), async () => text(512 * 1024 + 1));
  expect([isKept("/long", 2), isKept("/longer", 2)]).toEqual([true, false]);
});

test("addresses count: those that are long do not take more than the bound", async () => {
  const world = createWorld({ maxBytes: 100_000 });
  for (let n = 0; n < 50; n++) await world.getKeys(["conv:1:2"], question(`/${n}?${"q".repeat(10_000)}`));
  expect(world.answers.state().count).toBeLessThan(10);
});

test("ten thousand users with large lists stay within the bound", async () => {
  const maxBytes = 8 * 1024 * 1024;
  const world = createWorld({ maxBytes });
  const body = text(5_000);
  const make = (viewer: number) => async (reads: Reads) => {
    await reads.read(source, [`convlist:${viewer}`, ...Array.from({ length: 10 }, (_, n) => `profile:${viewer + n}`)]);
    return body;
  };
  let [last, most]: [Answer | undefined, number] = [undefined, 0];
  for (let viewer = 1; viewer <= 10_000; viewer++) {
    last = await world.answers.serve(question("/api/conversations", viewer), make(viewer));
    most = Math.max(most, world.answers.state().bytes);
  }
  const { count, bytes } = world.answers.state();
  expect(most).toBeLessThanOrEqual(maxBytes);
  expect(count * body.length).toBeLessThan(bytes);
  expect(count).toBeGreaterThan(1_000);
  expect(world.answers.find(question("/api/conversations", 1))).toBeUndefined();
  expect(last !== undefined && (await world.answers.prove(last))).toBe(true);
  // Nothing of those that went is left behind.
  for (let id = 1; id <= 10_010; id++) world.raise(`profile:${id}`, 1);
  expect(last !== undefined && (await world.answers.prove(last))).toBe(false);
  world.answers.clear();
  expect(world.answers.state()).toEqual({ count: 0, bytes: 0 });
});
