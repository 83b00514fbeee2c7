import type { Recorder } from "../history/recorder.ts";
import { now } from "../load/clock.ts";
import type { Random } from "../load/random.ts";
import type { Stage } from "../stage/stage.ts";
import { sleep, type Fault } from "./fault.ts";
import { processFaults } from "./process-faults.ts";
import { redisFaults } from "./redis-faults.ts";
import { networkFaults } from "./network-faults.ts";

/** What a fault did in a run. */
export interface FaultTally {
  times: number;
  readonly counts: Map<string, number>;
}

export interface ScheduleOptions {
  stage: Stage;
  random: Random;
  recorder: Recorder;
  /** Those that may happen. */
  faults: readonly Fault[];
  /** When the last phase has to be over. */
  until: number;
  /** How long a quiet phase, a fault and the time to recover last, in ms. */
  quietMs: number;
  faultMs: number;
  recoverMs: number;
  /** Begins a quiet phase; what it returns ends it. */
  onQuiet: () => Promise<() => Promise<void>>;
}

const allFaults: readonly Fault[] = [...networkFaults, ...redisFaults, ...processFaults];

/** Faults whose names contain one of the texts; without any text all of them. */
export function faultsNamed(texts: readonly string[]): Fault[] {
  return allFaults.filter(({ name }) => texts.length === 0 || texts.some((text) => name.includes(text)));
}

/** Quiet and faults in turn until the time is over; every fault comes before one comes twice. */
export async function runSchedule(options: ScheduleOptions): Promise<Map<string, FaultTally>> {
  const { random, recorder, until, quietMs, faultMs, recoverMs } = options;
  const tallies = new Map<string, FaultTally>();
  let queue: Fault[] = [];
  while (now() < until) {
    await quiet(options, Math.min(quietMs, until - now()));
    // However slow the machine, one fault there is.
    if (now() + faultMs >= until && (tallies.size > 0 || faultMs === Infinity)) continue;
    if (queue.length < 1) queue = [...queue, ...shuffled(options.faults, random)];
    const [first] = queue.splice(0, 1);
    const second = random.chance(0.25) ? queue.findIndex(({ part }) => part !== first?.part) : -1;
    const together = [first, ...(second < 0 ? [] : queue.splice(second, 1))].filter((fault) => fault !== undefined);
    const from = now();
    await Promise.all(together.map((fault) => runFault(options, fault, tallies)));
    recorder.phase({ name: together.map(({ name }) => name).join(" + "), from, to: now(), split: false });
    await sleep(recoverMs);
  }
  return tallies;
}

async function quiet({ recorder, onQuiet }: ScheduleOptions, ms: number): Promise<void> {
  const from = now();
  const end = await onQuiet();
  await sleep(ms);
  await end();
  recorder.phase({ name: "quiet", from, to: now(), split: false });
}

async function runFault(options: ScheduleOptions, fault: Fault, tallies: Map<string, FaultTally>): Promise<void> {
  const { stage, random, recorder, faultMs } = options;
  const tally = tallies.get(fault.name) ?? { times: 0, counts: new Map<string, number>() };
  tallies.set(fault.name, tally);
  tally.times += 1;
  let splitSince: number | undefined;
  await fault.run({
    stage,
    random,
    ms: random.between(0.4, 1) * faultMs,
    count: (what, by = 1) => void tally.counts.set(what, (tally.counts.get(what) ?? 0) + by),
    split(on) {
      if (on) splitSince = now();
      else if (splitSince !== undefined)
        recorder.phase({ name: "two servers", from: splitSince, to: now(), split: true });
    },
  });
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
