import { startOmServer } from "@om/services";
import type { Options } from "../options.ts";
import { runSchedules } from "./schedule.ts";

/** Worlds that go on side by side. */
const lanes = 6;

/** Random schedules against a server of their own. */
export async function runResume(
  { schedules, seed }: Pick<Options, "schedules" | "seed">,
  say: (line: string) => void,
): Promise<{ passed: boolean; report: string; result: unknown }> {
  await using server = await startOmServer({ DATABASE_URL: "embedded" });
  const began = performance.now();
  try {
    await runSchedules(server.url, { schedules, seed, lanes }, (done) => {
      if (done % 500 === 0) say(`${done} of ${schedules} schedules`);
    });
  } catch (error) {
    const report = `seed ${seed}: ${error instanceof Error ? `${error.message}\n${String(error.cause)}` : String(error)}`;
    return { passed: false, report, result: { seed, passed: false } };
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  const report = `${schedules} schedules of seed ${seed}: each device knew what a new one is told (${seconds} s)`;
  return { passed: true, report, result: { seed, schedules, seconds, passed: true } };
}
