import { setTimeout as delay } from "node:timers/promises";
import { createApi, memoryTokens, OmConnection } from "@om/client";
import { within } from "../deadline.ts";
import { nowMs } from "../measure.ts";
import type { Person } from "../stage/people.ts";

/** What became of messages that were sent while devices were sent from node to node. */
export interface Journey extends Record<string, number> {
  sent: number;
  /** Times that a device had no line, over all devices. */
  moves: number;
  /** Longest time from sending a message until its recipient had it, and that a device had no line, in ms. */
  gap: number;
  away: number;
}

/** Devices with our own client, by pairs: the first of each writes to the second. */
export interface Devices extends AsyncDisposable {
  /**
   * Sends at fixed times until `until` is done, and waits until everything has arrived.
   * @throws Error when a message is lost, doubled, out of order or not acknowledged
   */
  send(perSecond: number, until: Promise<void>): Promise<Journey>;
  /** Resolves when each has a line and has got so many messages from now on. */
  caughtUp(messages: number): Promise<void>;
}

/** At once they begin to connect. */
const atOnce = 100;
/** Requests that are on their way at once: one process may open so many files only. */
const requestsAtOnce = 1_000;

/**
 * Resolves when all have a line.
 * @param urls of the server, of which they take the one or the other @param people an even number, each with a session
 */
export async function openDevices(urls: readonly string[], people: readonly Person[]): Promise<Devices> {
  const fetch = limitedFetch(requestsAtOnce);
  const half = people.length / 2;
  let awaited: number[][] = [];
  let sentAt: number[] = [];
  let journey = { sent: 0, moves: 0, gap: 0, away: 0 };
  let [missing, failure] = [0, ""];
  /** How many each has still to get before it is caught up, and how many have not. */
  let [behind, missed]: [number[], number] = [[], 0];
  const devices: OmConnection[] = [];

  function watch(device: OmConnection, i: number): void {
    let offlineAt: number | undefined;
    device.on("status", (status) => {
      if (status === "ended") failure ||= `device ${i} does not come back`;
      if (status === "offline") {
        offlineAt ??= nowMs();
        journey.moves += 1;
      }
      if (status !== "live" || offlineAt === undefined) return;
      journey.away = Math.max(journey.away, nowMs() - offlineAt);
      offlineAt = undefined;
    });
    device.on("message", ({ content }) => {
      if (missed > 0) {
        behind[i] = (behind[i] ?? 0) - 1;
        if (behind[i] === 0) missed -= 1;
        return;
      }
      const n = Number(/^message (\d+) /.exec(content)?.[1] ?? Number.NaN);
      const next = awaited[i - half]?.shift();
      if (next !== n) failure ||= `device ${i} was to get message ${next ?? "none"} and got: ${content}`;
      journey.gap = Math.max(journey.gap, nowMs() - (sentAt[n] ?? 0));
      missing -= 1;
    });
  }

  let next = 0;
  const opener = async (): Promise<void> => {
    while (next < people.length) {
      const i = next++;
      const { id = 0, token = "" } = people[i] ?? {};
      const url = urls[i % urls.length] ?? "";
      const api = createApi({ baseUrl: url, fetch, tokens: memoryTokens({ accessToken: token, refreshToken: "" }) });
      const device = new OmConnection({ api, baseUrl: url, selfId: id });
      devices[i] = device;
      watch(device, i);
      await device.whenLive();
    }
  };
  const opened = Promise.all(Array.from({ length: atOnce }, opener));
  await within(180_000, () => `${devices.filter((device) => device.isLive).length} devices are there`, opened);
  return {
    async send(perSecond, until) {
      awaited = Array.from({ length: half }, () => []);
      sentAt = [];
      journey = { sent: 0, moves: 0, gap: 0, away: 0 };
      let isOver = false;
      const over = until.finally(() => (isOver = true));
      const acks: Promise<unknown>[] = [];
      for (const started = nowMs(); !isOver && failure === "";) {
        const due = Math.floor(((nowMs() - started) / 1000) * perSecond) + 1;
        for (; acks.length < due; missing += 1) {
          const n = sentAt.push(nowMs()) - 1;
          awaited[n % half]?.push(n);
          const to = people[half + (n % half)]?.id ?? 0;
          const sending = devices[n % half]?.send({ to, content: `message ${n} on the way, as people write` });
          if (sending !== undefined) acks.push(sending.acked);
        }
        await delay(5);
      }
      await over;
      await within(60_000, () => `acknowledgements are missing (${failure})`, Promise.all(acks));
      await within(60_000, () => `${missing} messages have not arrived (${failure})`, arrived());
      if (failure !== "") throw new Error(failure);
      return { ...journey, sent: acks.length };
    },
    async caughtUp(messages) {
      behind = devices.map(() => messages);
      missed = devices.length;
      const all = async (): Promise<void> => {
        while (missed > 0 || devices.some((device) => !device.isLive)) await delay(20);
      };
      await within(600_000, () => `${missed} devices are not back (${failure})`, all());
      if (behind.some((left) => left !== 0)) throw new Error("a device has got a message twice");
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(devices.map((device) => device.close()));
    },
  };

  async function arrived(): Promise<void> {
    while (missing > 0 && failure === "") await delay(20);
    // What comes twice comes late.
    await delay(1_000);
  }
}

function limitedFetch(most: number): typeof fetch {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (...request) => {
    if (running >= most) await new Promise<void>((enter) => waiting.push(enter));
    else running += 1;
    try {
      return await fetch(...request);
    } finally {
      // Whoever is done hands over its turn.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
