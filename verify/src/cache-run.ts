import type { QuietPhase } from "./checks/liveness.ts";
import { faultsNamed, runSchedule, type FaultTally } from "./faults/schedule.ts";
import { sleep } from "./faults/fault.ts";
import { createRecorder, type Recorder } from "./history/recorder.ts";
import { judge, toReceive, type Verdict } from "./judge.ts";
import { now } from "./load/clock.ts";
import { startLoad, type Load } from "./load/load.ts";
import { countResults } from "./load/metrics.ts";
import { makePeople, type PeopleOptions } from "./load/people.ts";
import { keepEvidence } from "./kept-evidence.ts";
import { createRandom, seedFor } from "./load/random.ts";
import { sampleEntries } from "./load/sampler.ts";
import { mutants } from "./mutants.ts";
import type { Options } from "./options.ts";
import { copyMutated } from "./stage/mutant-copy.ts";
import { startStage, type Stage } from "./stage/stage.ts";
import type { LogRow } from "./truth/log.ts";
import { replay } from "./truth/replay.ts";

/** A finished run. */
export interface CacheRun {
  verdict: Verdict;
  recorder: Recorder;
  faults: ReadonlyMap<string, FaultTally>;
  deaths: readonly string[];
  hasCache: boolean;
  seconds: number;
}

/** How large and how fast a run is. */
interface Scale extends PeopleOptions {
  pauseMs: number;
  quietMs: number;
  faultMs: number;
  recoverMs: number;
}

const scales: Record<"small" | "full", Scale> = {
  small: {
    writers: 6,
    followers: 2,
    calm: 2,
    talks: 3,
    groups: 2,
    pauseMs: 25,
    quietMs: 700,
    faultMs: 700,
    recoverMs: 800,
  },
  full: {
    writers: 12,
    followers: 3,
    calm: 4,
    talks: 4,
    groups: 3,
    pauseMs: 40,
    quietMs: 3_000,
    faultMs: 3_000,
    recoverMs: 2_000,
  },
};

/** The whole of `--cache`. @param say tells people what is going on */
export async function runCache(options: Options, say: (line: string) => void): Promise<CacheRun> {
  const scale = scales[options.small ? "small" : "full"];
  const { mutant, seed } = options;
  using copy = mutant === undefined ? undefined : copyMutated(mutant, mutants[mutant]?.mutations ?? []);
  say(`starting PostgreSQL, Redis and ${options.nodes} nodes${mutant === undefined ? "" : ` of the mutant ${mutant}`}`);
  await using stage = await startStage({ nodes: options.nodes, repository: copy?.folder });
  const recorder = createRecorder();
  const people = await makePeople(stage.nodes[0]?.url ?? "", scale);
  const quiet: QuietPhase[] = [];
  say(`seed ${seed}: ${options.seconds} s of load${options.faults ? " with faults" : ""}`);
  await using load = await startLoad({ stage, people, recorder, seed, pauseMs: options.pace ?? scale.pauseMs });
  const began = now();
  const faults = await disturb(options, { scale, stage, recorder, quiet });
  await load.stop();
  const seconds = (now() - began) / 1000;
  say("reading everything once more");
  await sleep(scale.recoverMs);
  await load.sweep();
  const log = await stage.db.readAccount();
  const hiding = new Set(people.directs.filter(({ hides }) => hides).map(({ object }) => object));
  await untilReceived(load, log);
  say(`checking ${recorder.history().reads.length} reads against ${log.length} rows of PostgreSQL's account`);
  const evidence = {
    history: recorder.history(),
    texts: recorder.texts,
    log,
    hiding,
    followers: load.followers.map(({ person, received }) => ({ userId: person.id, received: received() })),
    cache: stage.db.hasCache ? { quiet, gate: options.gate } : undefined,
  };
  if (options.keep !== undefined) keepEvidence(options.keep, evidence);
  return { verdict: judge(evidence), recorder, faults, deaths: stage.deaths, hasCache: stage.db.hasCache, seconds };
}

async function disturb(
  { faults, only, seconds, seed }: Options,
  on: { scale: Scale; stage: Stage; recorder: Recorder; quiet: QuietPhase[] },
): Promise<ReadonlyMap<string, FaultTally>> {
  const { stage, recorder, quiet, scale } = on;
  const { quietMs, faultMs, recoverMs } = scale;
  return runSchedule({
    stage,
    recorder,
    random: createRandom(seedFor(seed, "faults")),
    faults: faultsNamed(only),
    until: now() + seconds * 1000,
    quietMs: faults ? quietMs : seconds * 1000,
    faultMs: faults ? faultMs : Infinity,
    recoverMs,
    async onQuiet() {
      const urls = stage.nodes.map(({ url }) => url);
      const hits = await countResults(urls, "om_cache_reads_total");
      const answers = await countResults(urls, "om_answers_total");
      const sampler = stage.db.hasCache ? sampleEntries(stage.redis, recorder) : undefined;
      return async () => {
        const samples = (await sampler?.stop()) ?? [];
        quiet.push({ samples, hits: await hits(), answers: await answers() });
      };
    },
  });
}

/** Devices may lag behind: waits until they have received everything, or long enough; what is missing then is a finding. */
async function untilReceived(load: Load, log: readonly LogRow[]): Promise<void> {
  const { world } = replay(log, { wanted: new Map(), texts: createRecorder().texts, hiding: new Set() });
  const waits = load.followers.map((follower) => {
    const { must } = toReceive(world, follower.person.id);
    const ends = new Map([...must].map(([object, places]) => [object, places.at(-1) ?? 0]));
    return follower.caughtUp(ends, 15_000).catch(() => undefined);
  });
  await Promise.all(waits);
}
