import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { firstServerOddities, firstServerRows, firstServerSchema, program, startPostgres } from "@om/services";
import pg from "pg";
import { within } from "./deadline.ts";
import { nowMs, residentBytes } from "./measure.ts";
import { round } from "./report/format.ts";
import { machine } from "./report/report.ts";

/** How long `npm run import` takes for a database of the first server, made here. */
const { values: options } = parseArgs({
  options: {
    users: { type: "string", default: "10000" },
    messages: { type: "string", default: "1000000" },
    page: { type: "string", default: "5000" },
    embedded: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const hour = 3_600_000;
const size = { users: Number(options.users), messages: Number(options.messages) };

await using postgres = await startPostgres(["fsync=on", "max_wal_size=4GB"]);
const from = postgres.createDatabase();
console.error(`making a first server with ${options.users} users and ${options.messages} messages`);
const client = new pg.Client({ connectionString: from });
await client.connect();
try {
  await client.query(firstServerSchema("orm"));
  await client.query(firstServerRows(size));
  await client.query(firstServerOddities);
} finally {
  await client.end();
}

const folder = mkdtempSync(join(tmpdir(), "om-bench-import-"));
const newTarget = (name: string): Record<string, string> =>
  options.embedded ? { DATA_DIR: join(folder, name) } : { DATABASE_URL: postgres.createDatabase() };
const whole = newTarget("whole");
const first = await runImport(whole);
const again = await runImport(whole);
const cut = newTarget("cut");
const parts = [await runImport(cut, 30), await runImport(cut, 60), await runImport(cut)];
rmSync(folder, { recursive: true, force: true });

const here = await machine();
const lines = [
  `${here}; ${size.users} users, ${size.messages} messages, into ${options.embedded ? "the embedded database" : "PostgreSQL"}`,
  `first run: ${round(first.seconds)} s, ${round(size.messages / first.seconds)} messages/s, ${first.peakMiB} MiB at most`,
  `second run, nothing new: ${round(again.seconds)} s`,
  `cut off by kill -9 at ${parts
    .slice(0, 2)
    .map(({ killedAt }) => `${killedAt} % of the messages`)
    .join(" and at ")}, then to the end, both sides equal: ${parts.map(({ seconds }) => round(seconds)).join(" + ")} s`,
  ...first.steps.map(({ step, seconds }) => `  ${step}: ${round(seconds)} s`),
];
console.log(lines.join("\n"));
if (options.json !== undefined) {
  writeFileSync(
    options.json,
    JSON.stringify({ at: new Date().toISOString(), machine: here, size, first, again, parts }, null, 2),
  );
}

interface ImportRun {
  seconds: number;
  peakMiB: number;
  steps: { step: string; seconds: number }[];
  killedAt?: number;
}

/**
 * One run of the importer, which ends with 0 only when both sides were compared and are equal.
 * @param killAt percentage of the messages at which it is killed instead
 */
async function runImport(env: Record<string, string>, killAt?: number): Promise<ImportRun> {
  const began = nowMs();
  const args = [...program("import/src/main.ts"), "--from", from, "--page", options.page];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const steps: { step: string; seconds: number }[] = [];
  let peakMiB = 0;
  let last = began;
  let killedAt: number | undefined;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    peakMiB = Math.max(peakMiB, Math.round(residentBytes(child.pid ?? 0, "VmHWM") / 2 ** 20) || 0);
    for (const [, step] of chunk.matchAll(/^(.+): done/gm)) {
      steps.push({ step: step ?? "", seconds: (nowMs() - last) / 1000 });
      last = nowMs();
    }
    for (const [, share] of chunk.matchAll(/^messages: (\d+) %/gm)) {
      if (killAt === undefined || killedAt !== undefined || Number(share) < killAt) continue;
      killedAt = Number(share);
      child.kill("SIGKILL");
    }
    console.error(chunk.trimEnd());
  });
  const [code, signal] = (await within(hour, "the import has not ended", once(child, "close"))) as [number, string];
  const seconds = (nowMs() - began) / 1000;
  if (killedAt !== undefined && signal === "SIGKILL") return { seconds, peakMiB, steps, killedAt };
  if (code !== 0 || killAt !== undefined) throw new Error(`the import ended with ${code ?? signal}`);
  return { seconds, peakMiB, steps };
}
