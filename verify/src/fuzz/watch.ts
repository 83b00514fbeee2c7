import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { now } from "../load/clock.ts";
import { errorIn, leakIn } from "./judge.ts";
import type { World } from "./world.ts";

/** What is seen of a server from outside while it is fuzzed. */
export interface Watch extends AsyncDisposable {
  /** The longest that its event loop stood still, and the longest round trip of the probe, in ms. */
  readonly worst: { stall: number; roundTrip: number; before: string };
  readonly roundTrips: number;
  /** Nothing is measured while this runs: it stops the server on purpose. */
  pause<T>(run: () => Promise<T>): Promise<T>;
}

export interface WatchEvents {
  onFinding(words: string): void;
  /** What was sent since then, in words; `now()` of the harness. */
  sentSince(ms: number): string;
}

/** How long the event loop may stand still, in ms. */
const stallMs = 250;
const everyMs = 400;

export async function watch(world: World, { onFinding, sentSince }: WatchEvents): Promise<Watch> {
  const stopping = new AbortController();
  const worst = { stall: 0, roundTrip: 0, before: "" };
  let paused = false;
  let roundTrips = 0;
  void world.server.gone().then((code) => {
    if (!stopping.signal.aborted)
      onFinding(`the server ended with ${code ?? "a signal"}:\n${world.server.output().slice(-1500)}`);
  });
  const readLog = logReader(world, onFinding);
  const measureStall = stallMeter(world);
  const probe = await openProbe(world);
  const repeat = async (step: () => Promise<void> | void): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if (!paused) await step();
      } catch (error) {
        if (!stopping.signal.aborted && !paused) onFinding(`the probe: ${String(error)}`);
      }
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const loops = [
    repeat(readLog),
    repeat(async () => {
      const from = now() - everyMs;
      const stall = await measureStall();
      if (paused || stall <= worst.stall) return;
      Object.assign(worst, { stall, before: sentSince(from - stall) });
      if (stall > stallMs) onFinding(`the event loop stood still for ${Math.round(stall)} ms after\n${worst.before}`);
    }),
    repeat(async () => {
      const took = await probe.roundTrip();
      roundTrips++;
      if (!paused) worst.roundTrip = Math.max(worst.roundTrip, took);
    }),
  ];
  return {
    worst,
    get roundTrips() {
      return roundTrips;
    },
    async pause(run) {
      paused = true;
      try {
        return await run();
      } finally {
        await measureStall();
        paused = false;
      }
    },
    async [Symbol.asyncDispose]() {
      readLog();
      stopping.abort();
      await Promise.all(loops);
      probe.close();
    },
  };
}

/** Judges the lines that came since the last time. */
export function logReader({ server, secrets }: World, onFinding: (words: string) => void): () => void {
  const seen = new Set<string>();
  return () => {
    if (seen.size > 20_000) seen.clear();
    for (const line of server.output().split("\n").slice(0, -1)) {
      if (seen.has(line)) continue;
      seen.add(line);
      const wrong = errorIn(line) ?? (line.startsWith("{") ? leakIn(line, secrets()) : undefined);
      if (wrong !== undefined) onFinding(`in the log: ${wrong}\n${line.slice(0, 600)}`);
    }
  };
}

/** Asks how long the event loop stood still since the last time, in ms, as far as it computed: not while it waited for a processor. */
function stallMeter({ server }: World): () => Promise<number> {
  const times = (): number[] =>
    readFileSync(`/proc/${server.pid}/schedstat`, "utf8")
      .split(" ")
      .map((ns) => Number(ns) / 1e6);
  let before = times();
  return async () => {
    const answer = await fetch(`${server.url}/metrics`, { signal: AbortSignal.timeout(20_000) });
    const lag = /^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(await answer.text())?.[1];
    if (lag === undefined) throw new Error(`no event loop lag in /metrics (${answer.status})`);
    const after = times();
    const [ran = 0, waited = 0] = after.map((ms, index) => ms - (before[index] ?? 0));
    before = after;
    return Math.max(0, Math.min(ran, Number(lag) * 1000 - waited));
  };
}

interface Probe {
  /** From one to the other: acknowledged and pushed. @returns ms @throws Error after 10 s */
  roundTrip(): Promise<number>;
  close(): void;
}

export async function openProbe({ server, probes }: World): Promise<Probe> {
  const dial = async (token: string): Promise<WebSocket> => {
    // Not in the address: such a socket would end with its token.
    const headers = { authorization: `Bearer ${token}` };
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws?resume=1`, { headers });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return socket;
  };
  const [from, to] = await Promise.all(probes.map(({ token }) => dial(token)));
  if (from === undefined || to === undefined) throw new Error("a probe takes two");
  const hears = (socket: WebSocket, mark: string, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onFrame = (data: Buffer): void => {
        if (!data.includes(mark)) return;
        socket.off("message", onFrame);
        resolve();
      };
      socket.on("message", onFrame);
      signal.addEventListener("abort", () => {
        socket.off("message", onFrame);
        reject(new Error(`a message was not there after 10 s (socket ${socket.readyState})`));
      });
    });
  return {
    async roundTrip() {
      const mark = randomUUID();
      const t0 = now();
      const late = AbortSignal.timeout(10_000);
      const both = Promise.all([hears(from, mark, late), hears(to, mark, late)]);
      from.send(
        JSON.stringify({ type: "chat", payload: { client_id: mark, recipient_id: probes[1]?.id, content: mark } }),
      );
      await both;
      return now() - t0;
    },
    close() {
      from.terminate();
      to.terminate();
    },
  };
}
