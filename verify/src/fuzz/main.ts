import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startPostgres, startRedis } from "@om/services";
import { fuzz } from "./run.ts";
import { startWorld } from "./world.ts";

const usage = `npm run fuzz -- [--minutes 30] [--seed N] [--json FILE]
sends requests, frames and files that are right, nearly right and wrong to two servers of its own, one with Redis and one without.
Exit codes: 0 all held, 1 something broke, 2 the harness could not do its work.`;

// Whatever ends this process ends what it has started: that hangs on `exit`.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(2));
process.once("uncaughtException", (error) => {
  console.error(error);
  process.exit(2);
});
process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return 2;
});

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "30" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (values.help || !(minutes > 0) || !Number.isInteger(seed)) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  console.log(`seed ${seed}, ${minutes} minutes`);
  await using postgres = await startPostgres();
  await using redis = await startRedis();
  const [first, second] = [postgres.createDatabase(), postgres.createDatabase()];
  await using withRedis = await startWorld("with Redis", { DATABASE_URL: first, REDIS_URL: redis.url });
  await using without = await startWorld("without Redis", { DATABASE_URL: second });
  const options = { seed, minutes, say: (line: string) => console.log(line) };
  const results = await Promise.all([withRedis, without].map((world) => fuzz(world, options)));
  for (const [index, { figures }] of results.entries()) {
    const { inputs, slowest, worstStallMs, worstRoundTripMs, roundTrips, heap, resident } = figures;
    const inMb = (all: number[]): string => all.map((bytes) => Math.round(bytes / 1e6)).join(" ");
    console.log(`${index === 0 ? "with" : "without"} Redis: ${inputs} inputs, longest stall ${Math.round(worstStallMs)} ms
  slowest answer ${Math.round(slowest.ms)} ms: ${JSON.stringify(slowest.input).slice(0, 300)}
  ${roundTrips} round trips of the probe, the longest ${Math.round(worstRoundTripMs)} ms
  heap after garbage collection, MB: ${inMb(heap)}; resident: ${inMb(resident)}`);
  }
  const findings = results.flatMap(({ findings }) => findings);
  console.log(findings.length === 0 ? "All held." : `${findings.length} findings; seed ${seed}.`);
  if (values.json !== undefined)
    writeFileSync(values.json, JSON.stringify({ seed, minutes, findings, results }, null, 2));
  return findings.length === 0 ? 0 : 1;
}
