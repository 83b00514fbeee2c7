import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { now } from "../load/clock.ts";
import { seedFor } from "../load/random.ts";
import { httpInput, uploadInput } from "./arbitrary-http.ts";
import { socketInput } from "./arbitrary-socket.ts";
import type { Input } from "./inputs.ts";
import { send } from "./send.ts";
import { watch } from "./watch.ts";
import type { World } from "./world.ts";

/** A promise that was broken: how, and by what input. */
export interface Finding {
  world: string;
  words: string;
  /** Of fast-check, with which `kind` makes the input again. */
  seed?: number;
  kind?: Kind;
  /** The smallest that does it. */
  input?: Input;
}

export interface Figures {
  inputs: number;
  /** What took longest until its answer was there. */
  slowest: { ms: number; input?: Input };
  worstStallMs: number;
  /** What was sent just before it. */
  beforeWorstStall: string;
  worstRoundTripMs: number;
  roundTrips: number;
  /** Bytes after garbage collection, at equal distances. */
  heap: number[];
  resident: number[];
}

export interface FuzzOptions {
  seed: number;
  minutes: number;
  say(line: string): void;
}

const kinds = { http: httpInput, upload: uploadInput, socket: socketInput } as const;
type Kind = keyof typeof kinds;
const order: readonly Kind[] = ["http", "socket", "http", "socket", "upload"];
const senders = 3;
const batch = 30;
/** How often the memory is looked at. */
const looks = 10;
/** How much the heap may hold more in the second half than in the first, in bytes: caches that are not full yet. */
const mayGrow = 24e6;

/** Sends one kind of inputs that a seed decides. @returns what broke, made as small as can be within 30 s */
export async function sendBatch(
  { kind, seed, runs }: { kind: Kind; seed: number; runs: number },
  attempt: (input: Input) => Promise<void>,
): Promise<Pick<Finding, "words" | "seed" | "kind" | "input"> | undefined> {
  const property = fc.asyncProperty<[Input]>(kinds[kind], attempt);
  const limit = { interruptAfterTimeLimit: 30_000, markInterruptAsFailure: false };
  const details = await fc.check(property, { seed, numRuns: runs, ...limit });
  if (!details.failed) return undefined;
  const [input] = details.counterexample ?? [];
  return { words: String(details.errorInstance), seed, kind, ...(input === undefined ? {} : { input }) };
}

export async function fuzz(
  world: World,
  { seed, minutes, say }: FuzzOptions,
): Promise<{ findings: Finding[]; figures: Figures }> {
  const findings = new Map<string, Finding>();
  const found = (finding: Omit<Finding, "world">): void => {
    // The same again tells nothing new.
    const key = finding.words.replaceAll(/[0-9a-f-]{8,}|\d+/g, "#").slice(0, 60);
    if (findings.has(key)) return;
    findings.set(key, { world: world.name, ...finding });
    say(`FOUND (${world.name}) ${describe(finding)}`);
  };
  const sending = createSending(world);
  const { sentSince } = sending;
  await using seen = await watch(world, { onFinding: (words) => found({ words }), sentSince });
  const began = now();
  const until = (share: number): number => began + minutes * 60_000 * share - now();
  const sender = async (index: number): Promise<void> => {
    for (let n = 0; until(1) > 0; n++) {
      if (index === 0) await world.renew();
      const kind = order[(n + index) % order.length] ?? "http";
      const batchSeed = seedFor(seed, `${world.name} ${index} ${n}`) | 0;
      const broken = await sendBatch({ kind, seed: batchSeed, runs: batch }, sending.attempt);
      if (broken !== undefined) found(broken);
    }
  };
  const heap: number[] = [];
  const resident: number[] = [];
  const look = async (n: number): Promise<void> => {
    await delay(Math.max(0, until(n / looks)));
    const memory = await sending.stopped(() => seen.pause(() => world.memory()));
    heap.push(memory.heap);
    resident.push(memory.resident);
  };
  const looking = async (): Promise<void> => {
    for (let n = 1; n <= looks; n++) await look(n);
  };
  const all = [looking(), ...Array.from({ length: senders }, (_, index) => sender(index))];
  for (const { reason } of (await Promise.allSettled(all)).filter((one) => one.status === "rejected"))
    found({ words: String(reason) });
  const growth = growthOf(heap);
  if (growth > mayGrow)
    found({ words: `the heap grew by ${growth} bytes from the first half to the second: ${heap.join(" ")}` });
  const { stall: worstStallMs, roundTrip: worstRoundTripMs, before: beforeWorstStall } = seen.worst;
  const { roundTrips } = seen;
  const figures = {
    inputs: sending.count(),
    slowest: sending.slowest(),
    worstStallMs,
    beforeWorstStall,
    worstRoundTripMs,
    roundTrips,
    heap,
    resident,
  };
  return { findings: [...findings.values()], figures };
}

/** Sends, and remembers what was sent. */
function createSending(world: World) {
  const recent: { at: number; input: Input }[] = [];
  let count = 0;
  let underWay = 0;
  let slowest: { ms: number; input?: Input } = { ms: 0 };
  let gate = Promise.resolve();
  return {
    count: () => count,
    slowest: () => slowest,
    async attempt(input: Input): Promise<void> {
      await gate;
      count++;
      underWay++;
      recent.push({ at: now(), input });
      if (recent.length > 2_000) recent.splice(0, 1_000);
      const t0 = now();
      await send(input, world).finally(() => underWay--);
      if (now() - t0 > slowest.ms) slowest = { ms: now() - t0, input };
    },
    /** In words, since then. */
    sentSince: (ms: number): string =>
      recent
        .filter(({ at }) => at >= ms)
        .map(({ input }) => JSON.stringify(input).slice(0, 300))
        .join("\n"),
    /** Runs something while nothing is under way. */
    async stopped<T>(run: () => Promise<T>): Promise<T> {
      let goOn = (): void => undefined;
      gate = new Promise((resolve) => (goOn = resolve));
      try {
        for (const end = now() + 5_000; underWay > 0 && now() < end;) await delay(20);
        return await run();
      } finally {
        goOn();
      }
    },
  };
}

/** Mean of the second half against that of the first, without the first look, at which all is cold. */
function growthOf(heap: readonly number[]): number {
  const half = Math.floor(heap.length / 2);
  const mean = (some: readonly number[]): number => some.reduce((sum, one) => sum + one, 0) / some.length;
  return mean(heap.slice(half)) - mean(heap.slice(1, half));
}

export function describe({ words, kind, seed, input }: Omit<Finding, "world">): string {
  return input === undefined ? words : `${words}\n  ${kind} of seed ${seed}, made smaller: ${JSON.stringify(input)}`;
}
