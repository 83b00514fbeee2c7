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
/** A message is lost when for so long none has come, in ms: a device that is connected has each within 30 s. */
const lostAfterMs = 60_000;
/** Requests that are on their way at once: one process may open so many files only. */
const requestsAtOnce = 1_000;

/**
 * Resolves when all have a line.
 * @param urls of the server, of which they take the one or the other @param people an even number, each with a session
 */
export async function openDevices(urls: readonly string[], people: readonly Person[]): Promise<Devices> {
  const fetch = limitedFetch(requestsAtOnce);
  const crowd = new Crowd(people);
  let next = 0;
  const opener = async (): Promise<void> => {
    while (next < people.length) {
      const i = next++;
      const { id = 0, token = "" } = people[i] ?? {};
      const baseUrl = urls[i % urls.length] ?? "";
      const api = createApi({ baseUrl, fetch, tokens: memoryTokens({ accessToken: token, refreshToken: "" }) });
      await crowd.add(i, new OmConnection({ api, baseUrl, selfId: id }));
    }
  };
  const opened = Promise.all(Array.from({ length: atOnce }, opener));
  await within(180_000, () => crowd.progress(), opened);
  return crowd;
}

class Crowd implements Devices {
  readonly #people: readonly Person[];
  readonly #half: number;
  readonly #devices: OmConnection[] = [];
  /** Of each recipient, the numbers that must still come, in order. */
  #awaited: number[][] = [];
  #sentAt: number[] = [];
  #missing = 0;
  /** Sent and not acknowledged yet. */
  #unacked = 0;
  /** How many each has still to get before it is caught up; empty: they write to each other. */
  #behind: number[] = [];
  #journey = { moves: 0, gap: 0, away: 0 };
  #failure = "";

  constructor(people: readonly Person[]) {
    this.#people = people;
    this.#half = people.length / 2;
  }

  /** Resolves when it has a line. */
  add(i: number, device: OmConnection): Promise<void> {
    this.#devices[i] = device;
    let offlineAt: number | undefined;
    device.on("status", (status) => {
      if (status === "ended") this.#failure ||= `device ${i} does not come back`;
      if (status === "offline" && offlineAt === undefined) {
        offlineAt = nowMs();
        this.#journey.moves += 1;
      }
      if (status !== "live" || offlineAt === undefined) return;
      this.#journey.away = Math.max(this.#journey.away, nowMs() - offlineAt);
      offlineAt = undefined;
    });
    device.on("message", ({ content }) => this.#received(i, content));
    return device.whenLive();
  }

  progress(): string {
    const live = this.#devices.filter((device) => device.isLive).length;
    return `${live} devices are there, ${this.#missing} messages are missing, ${this.#unacked} of them not acknowledged ${this.#failure}`;
  }

  async send(perSecond: number, until: Promise<void>): Promise<Journey> {
    this.#behind = [];
    this.#awaited = Array.from({ length: this.#half }, () => []);
    this.#sentAt = [];
    this.#unacked = 0;
    this.#journey = { moves: 0, gap: 0, away: 0 };
    let isOver = false;
    const over = until.finally(() => (isOver = true));
    for (const started = nowMs(); !isOver && this.#failure === "";) {
      const due = Math.floor(((nowMs() - started) / 1000) * perSecond) + 1;
      while (this.#sentAt.length < due) this.#sendNext();
      await delay(5);
    }
    await over;
    await this.#arrived();
    // What comes twice comes late.
    await delay(1_000);
    if (this.#failure !== "") throw new Error(this.#failure);
    return { ...this.#journey, sent: this.#sentAt.length };
  }

  /** Waits as long as anything still comes: what is late is not lost. */
  async #arrived(): Promise<void> {
    for (let left = Number.POSITIVE_INFINITY; left > 0 && this.#failure === "";) {
      const before = left;
      const isMore = (): boolean => (left = this.#missing + this.#unacked) < before;
      await within(lostAfterMs, () => this.progress(), this.#until(isMore));
    }
  }

  async caughtUp(messages: number): Promise<void> {
    this.#behind = this.#devices.map(() => messages);
    this.#missing = messages * this.#devices.length;
    const back = this.#until(() => this.#missing === 0 && this.#devices.every((device) => device.isLive));
    await within(600_000, () => this.progress(), back);
    if (this.#failure !== "") throw new Error(this.#failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()));
  }

  #sendNext(): void {
    const n = this.#sentAt.push(nowMs()) - 1;
    const pair = n % this.#half;
    this.#awaited[pair]?.push(n);
    this.#missing += 1;
    this.#unacked += 1;
    const to = this.#people[this.#half + pair]?.id ?? 0;
    const content = `message ${n} on the way, as people write`;
    this.#devices[pair]?.send({ to, content }).acked.then(
      () => (this.#unacked -= 1),
      (error: unknown) => (this.#failure ||= `message ${n} was refused: ${String(error)}`),
    );
  }

  #received(i: number, content: string): void {
    this.#missing -= 1;
    if (this.#behind.length > 0) {
      const left = (this.#behind[i] ?? 0) - 1;
      this.#behind[i] = left;
      if (left < 0) this.#failure ||= `device ${i} has got a message twice`;
      return;
    }
    const n = Number(/^message (\d+) /.exec(content)?.[1] ?? Number.NaN);
    const next = this.#awaited[i - this.#half]?.shift();
    if (next !== n) this.#failure ||= `device ${i} was to get message ${next ?? "none"} and got: ${content}`;
    this.#journey.gap = Math.max(this.#journey.gap, nowMs() - (this.#sentAt[n] ?? 0));
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue() && this.#failure === "") await delay(20);
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
