import { sharedDatabase } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { corpus } from "./corpus.ts";
import { sendBatch } from "./run.ts";
import { send } from "./send.ts";
import { logReader, openProbe } from "./watch.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
let probe: Awaited<ReturnType<typeof openProbe>>;
let readLog: () => void;
const findings: string[] = [];
beforeAll(async () => {
  world = await startWorld("test", { DATABASE_URL: sharedDatabase() });
  probe = await openProbe(world);
  readLog = logReader(world, (words) => findings.push(words));
});
afterAll(async () => {
  probe?.close();
  await world?.[Symbol.asyncDispose]();
});

/** Whatever was sent, messages get through and nothing went wrong inside. */
async function allIsWell(): Promise<void> {
  await probe.roundTrip();
  readLog();
  expect(findings).toEqual([]);
}

test("nothing that once broke something breaks it again", async () => {
  // Some of it hangs on what the server was doing just then.
  for (let times = 0; times < 5; times++) await Promise.all(corpus.map(({ input }) => send(input, world)));
  await allIsWell();
});

test.each([
  ["http", 1, 60],
  ["socket", 2, 40],
  ["upload", 3, 20],
] as const)("%s inputs of seed %d break nothing", async (kind, seed, runs) => {
  expect(await sendBatch({ kind, seed, runs }, (input) => send(input, world))).toBeUndefined();
  await allIsWell();
});
