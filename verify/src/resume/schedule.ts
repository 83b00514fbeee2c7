import { isDeepStrictEqual } from "node:util";
import { OmApiError } from "@om/client";
import { createRandom, seedFor, type Random } from "../load/random.ts";
import { kinds, type Act } from "./kinds.ts";
import { readPlain, type Plain } from "./known.ts";
import { openWorld, type World } from "./world.ts";

/** Schedules in one world before people of a new one begin, so that everything may be read as a whole. */
const perWorld = 25;
/** How long what was done may take to show. */
const patienceMs = 20_000;

/**
 * Random schedules: a device comes back, from a moment ago or from long before, while things happen, and goes away in the middle of it; in
 * the end it must know what a new device is told.
 * @throws Error that names the seed of the schedule that failed
 */
export async function runSchedules(
  url: string,
  { schedules, seed, lanes }: { schedules: number; seed: number; lanes: number },
  say: (done: number) => void = () => undefined,
): Promise<void> {
  let [begun, done] = [0, 0];
  const lane = async (): Promise<void> => {
    while (begun < schedules) {
      const first = begun;
      const count = Math.min(perWorld, schedules - first);
      begun += count;
      await runWorld(url, seedFor(seed, `world ${first}`), count);
      done += count;
      say(done);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** As many schedules one after another with the same people. */
export async function runWorld(url: string, seed: number, schedules: number): Promise<void> {
  const random = createRandom(seed);
  await using world = await openWorld(url, random.chance(0.5));
  for (let i = 0; i < schedules; i += 1) {
    const log: string[] = [];
    try {
      await runSchedule(world, random, log);
    } catch (error) {
      throw new Error(`seed ${seed}, schedule ${i}: ${log.join(", ")}\n${String(error)}`, { cause: error });
    }
  }
}

async function runSchedule(world: World, random: Random, log: string[]): Promise<void> {
  const { device } = world;
  const note = (what: string): number => log.push(what);
  if (random.chance(0.2)) {
    const comings = random.whole(8);
    note(`as ${comings} comings ago`);
    device.forget(comings);
  }
  for (let left = random.whole(5); left > 0; left -= 1) await actAtRandom(world, random, note);
  note("comes");
  device.open();
  const live = random.whole(5);
  const cut = random.chance(0.3) ? random.whole(live + 1) : -1;
  // Where there is a block, or was, positions are not pushed: they are learned at the next reading.
  const mustRead = world.hasBlocks || random.chance(0.4);
  for (let step = 0; step <= live; step += 1) {
    if (step === cut) {
      note("cut");
      await device.close();
      device.open();
    }
    if (step === live) break;
    const acts = random.chance(0.5)
      ? [actAtRandom(world, random, note)]
      : [actAtRandom(world, random, note), actAtRandom(world, random, note)];
    await Promise.all(acts);
  }
  if (mustRead) {
    note("comes again");
    await device.close();
    device.open();
  }
  await untilEqual(world);
  await device.close();
}

/** Resolves when the device knows what the server would tell a new one. */
export async function untilEqual({ device: { known }, people: [me] }: World): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const there = await readPlain(me.api, me);
    const here = known.plain();
    const [fault] = known.faults;
    if (fault !== undefined) throw new Error(fault);
    if (isEqual(here, there)) return;
    if (performance.now() > deadline) throw new Error(differences(here, there));
    await new Promise<void>((resolve) => {
      known.onEvent = resolve;
      setTimeout(resolve, 50);
    });
  }
}

/** A device may know more people than it has to. */
export function isEqual(here: Plain, there: Plain): boolean {
  const looks = Object.fromEntries(Object.keys(there.looks).map((id) => [id, here.looks[id]]));
  return isDeepStrictEqual({ ...here, looks }, there);
}

function differences(here: Plain, there: Plain): string {
  const lines = (["conversations", "groups", "looks"] as const).flatMap((part) =>
    Object.keys({ ...(part === "looks" ? {} : here[part]), ...there[part] })
      .filter((key) => !isDeepStrictEqual(here[part][key], there[part][key]))
      .map((key) => `${key}: ${JSON.stringify(here[part][key])} instead of ${JSON.stringify(there[part][key])}`),
  );
  if (!isDeepStrictEqual(here.blocked, there.blocked))
    lines.push(`blocked: ${here.blocked.join(" ")} instead of ${there.blocked.join(" ")}`);
  return `the device knows something else:\n${lines.join("\n")}`;
}

const ways = Object.entries(kinds).flatMap(([kind, acts]) =>
  Object.entries(acts).map(([way, act]): [kind: string, way: string, act: Act] => [kind, way, act]),
);
const often: Readonly<Record<string, number>> = { direct: 4, inGroup: 3, add: 3, join: 2, unblock: 2 };
const drawn = ways.flatMap((way) => Array.from({ length: often[way[1]] ?? 1 }, () => way));
const withoutBlocks = drawn.filter(([kind]) => kind !== "block_update");

async function actAtRandom(world: World, random: Random, note: (what: string) => unknown): Promise<void> {
  const [kind, way, act] = random.pick(world.hasBlocks ? drawn : withoutBlocks);
  const by = random.favourite(world.people);
  const other = random.pick(world.people.filter((person) => person !== by));
  // Drawn before anything is waited for, so that a seed decides it.
  const own = createRandom(random.whole(2 ** 31));
  note(`${world.people.indexOf(by)} ${kind}.${way} ${world.people.indexOf(other)}`);
  await tryAct(() => act({ world, by, other, random: own }));
}

/** What is refused changes nothing. */
export async function tryAct(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const isRefused = error instanceof OmApiError && error.status < 500 && !error.code.startsWith("missing_");
    if (!isRefused) throw error;
  }
}
