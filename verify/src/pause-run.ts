import { sleep } from "./faults/fault.ts";
import { createRecorder, type Recorder } from "./history/recorder.ts";
import type { Ms } from "./history/events.ts";
import { now } from "./load/clock.ts";
import { startLoad } from "./load/load.ts";
import { makePeople } from "./load/people.ts";
import type { Options } from "./options.ts";
import { quantile, table } from "./report/table.ts";
import { startStage } from "./stage/stage.ts";

/** Requests of one stretch of the run. */
export interface Stretch {
  name: string;
  requests: number;
  medianMs: number;
  p99Ms: number;
  slowestMs: number;
  /** No answer, or one that says that the server failed. */
  errors: number;
}

/** When Redis stopped and went on. */
export interface Pause {
  began: Ms;
  stopped: Ms;
  resumed: Ms;
  ended: Ms;
}

/** `--pause`: Redis stops answering in the middle of the load; how long does the slowest request take? */
export async function runPause(options: Options, say: (line: string) => void): Promise<Stretch[]> {
  say(`starting PostgreSQL, Redis and ${options.nodes} nodes`);
  await using stage = await startStage({ nodes: options.nodes, repository: undefined });
  const recorder = createRecorder();
  const people = await makePeople(stage.nodes[0]?.url ?? "", {
    writers: 8,
    followers: 1,
    calm: 0,
    talks: 4,
    groups: 2,
  });
  await using load = await startLoad({ stage, people, recorder, seed: options.seed, pauseMs: 30 });
  const redis = stage.redis.primary();
  // The first requests find everything cold.
  await sleep(3_000);
  const began = now();
  await sleep(4_000);
  say("SIGSTOP to Redis");
  redis.pause();
  const stopped = now();
  await sleep(6_000);
  say("SIGCONT");
  redis.resume();
  const resumed = now();
  await sleep(4_000);
  await load.stop();
  return stretches(recorder, { began, stopped, resumed, ended: now() });
}

/** A request belongs where it was answered, and one that was under way at the stop to the first second. */
export function stretches(recorder: Pick<Recorder, "tallies">, { began, stopped, resumed, ended }: Pause): Stretch[] {
  const bounds = [
    { name: "before", from: began, to: stopped },
    { name: "first second", from: stopped, to: stopped + 1_000 },
    { name: "after", from: stopped + 1_000, to: resumed },
    { name: "Redis is back", from: resumed, to: ended },
  ];
  const tallies = [...recorder.tallies().values()];
  return bounds.map(({ name, from, to }) => {
    const took = tallies
      .flatMap(({ calls }) => calls.filter(({ t0, took }) => t0 + took >= from && t0 + took < to))
      .map(({ took }) => took)
      .sort((a, b) => a - b);
    const troubles = tallies.flatMap(({ troubles }) =>
      troubles.filter(({ what, at }) => isError(what) && at >= from && at < to),
    );
    const [medianMs, p99Ms, slowestMs] = [quantile(took, 0.5), quantile(took, 0.99), took.at(-1) ?? 0];
    return { name, requests: took.length, medianMs, p99Ms, slowestMs, errors: troubles.length };
  });
}

/** What a client did wrong, such as joining twice, is an answer like any other. */
function isError(trouble: string): boolean {
  return !/^4\d\d/.test(trouble);
}

export function pauseReport(all: readonly Stretch[]): string {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const rows = all.map(({ name, requests, medianMs, p99Ms, slowestMs, errors }) => {
    return [name, `${requests}`, ms(medianMs), ms(p99Ms), ms(slowestMs), `${errors}`];
  });
  const errors = all.reduce((sum, stretch) => sum + stretch.errors, 0);
  return [
    "Redis stopped with SIGSTOP under load",
    "",
    table(["stretch", "requests", "median", "99 %", "slowest", "errors"], rows),
    "",
    errors === 0 ? "PASSED: no request failed" : `FAILED: ${errors} requests failed`,
  ].join("\n");
}
