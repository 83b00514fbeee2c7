import { setTimeout as delay } from "node:timers/promises";
import { within } from "../deadline.ts";
import { cpuMs, nowMs, quantile } from "../measure.ts";
import { field, openSockets, type BenchSocket } from "./socket.ts";

/** What direct messages cost, each acknowledged to its sender and pushed to a connected recipient. */
export interface DirectLoad extends Record<string, number> {
  /** Messages per second. */
  rate: number;
  /** From writing a message until its ack, ms. */
  p50: number;
  p99: number;
  /** Of the server's process, µs per message. */
  cpu: number;
  /** Of the last ack and the last push. */
  ackBytes: number;
  pushBytes: number;
}

/** A sender's and a recipient's address, and who that is. */
export interface Route {
  from: string;
  to: string;
  recipientId: number;
}

/** Either with a number of messages on their way per sender, the next when one is acknowledged, or so many per second in all. */
export type Pace = { window: number } | { perSecond: number };

/** Open sockets of senders and recipients. */
export interface Direct extends Disposable {
  /**
   * Sends for a while, and waits until everything has arrived.
   * @throws Error when a message was not acknowledged once, or not delivered once, in order and with its text; when a socket closes
   */
  send(load: { seconds: number } & Pace): Promise<DirectLoad>;
}

/** How an answer is told from others: a text that it holds. The bare ceiling sends nothing else. */
export interface Marks {
  ack: string;
  push: string;
}
export const omMarks: Marks = { ack: '"type":"ack"', push: '"type":"message"' };

/** @param pid of the server's process */
export async function openDirect(routes: readonly Route[], pid: number, marks: Marks = omMarks): Promise<Direct> {
  let exchange: Exchange | undefined;
  const stopped = (why: string): void => exchange?.fail(`a socket: ${why}`);
  const receivers = await openSockets(
    routes.map(({ to }) => to),
    (i) => ({ onFrame: (data) => data.includes(marks.push) && exchange?.delivered(i, data), onClose: stopped }),
  );
  const senders = await openSockets(
    routes.map(({ from }) => from),
    () => ({
      onFrame(data) {
        if (data.includes(marks.ack)) exchange?.acked(data);
        else if (data.includes('"type":"error"')) exchange?.fail(data.toString());
      },
      onClose: stopped,
    }),
  );
  return {
    async send(load) {
      const begun = new Exchange(senders, routes);
      exchange = begun;
      const before = cpuMs(pid);
      const started = nowMs();
      const pacing = new AbortController();
      if ("window" in load) begun.keepOnTheirWay(load.window, started + load.seconds * 1000);
      else void sendAtPace(begun, load, pacing.signal);
      try {
        await within(load.seconds * 1000 + 30_000, () => begun.progress(), begun.done);
      } finally {
        pacing.abort();
        exchange = undefined;
      }
      const { acks, bytes, lastAckAt } = begun;
      return {
        rate: (acks.length / (lastAckAt - started)) * 1000,
        p50: quantile(acks, 0.5),
        p99: quantile(acks, 0.99),
        cpu: ((cpuMs(pid) - before) * 1000) / acks.length,
        ...bytes,
      };
    },
    [Symbol.dispose]() {
      for (const socket of [...senders, ...receivers]) socket[Symbol.dispose]();
    },
  };
}

/** Sends at fixed times, whether the earlier ones are acknowledged or not. */
async function sendAtPace(
  exchange: Exchange,
  { seconds, perSecond }: { seconds: number; perSecond: number },
  signal: AbortSignal,
): Promise<void> {
  const started = nowMs();
  const all = Math.ceil(seconds * perSecond);
  for (let sent = 0; sent < all && !signal.aborted;) {
    const due = Math.min(all, Math.floor(((nowMs() - started) / 1000) * perSecond) + 1);
    while (sent < due) exchange.send(sent++);
    await delay(Math.max(1, started + (sent / perSecond) * 1000 - nowMs()));
  }
  exchange.finish();
}

/** The frame that sends a message. @param to with its `client_id` and its target */
export function chat(to: Record<string, unknown>, content: string): string {
  return JSON.stringify({ type: "chat", payload: { ...to, content, message_type: "text" } });
}

function textOf(n: number): string {
  return `message ${n} of ordinary length, as people write`;
}

/** One burst: what was sent, and what has come of it. Messages are numbered; the number stands in the client id and in the text. */
class Exchange {
  /** Ms, in the order in which they came. */
  readonly acks: number[] = [];
  readonly bytes = { ackBytes: 0, pushBytes: 0 };
  readonly done: Promise<void>;
  lastAckAt = 0;
  readonly #senders: readonly BenchSocket[];
  readonly #routes: readonly Route[];
  readonly #run = Math.random().toString(36).slice(2, 12);
  readonly #sentAt: number[] = [];
  readonly #routeOf: number[] = [];
  /** Of each recipient, the numbers that must still come, in order. */
  readonly #awaited: number[][];
  #delivered = 0;
  /** Until when each ack is followed by another message. */
  #until = 0;
  #isFinished = false;
  #settle: [resolve: () => void, reject: (error: Error) => void] = [() => undefined, () => undefined];

  constructor(senders: readonly BenchSocket[], routes: readonly Route[]) {
    this.#senders = senders;
    this.#routes = routes;
    this.#awaited = routes.map(() => []);
    this.done = new Promise<void>((...both) => (this.#settle = both));
  }

  /** @param i sender, counted on from the last to the first */
  send(i: number): void {
    const n = this.#sentAt.length;
    const route = i % this.#senders.length;
    this.#awaited[route]?.push(n);
    this.#routeOf.push(route);
    const to = { client_id: `${this.#run}-${n}`, recipient_id: this.#routes[route]?.recipientId };
    this.#sentAt.push(nowMs());
    this.#senders[route]?.send(chat(to, textOf(n)));
  }

  keepOnTheirWay(window: number, until: number): void {
    this.#until = until;
    for (let i = 0; i < window * this.#senders.length; i++) this.send(i);
  }

  /** Nothing more will be sent. */
  finish(): void {
    this.#isFinished = true;
    this.#check();
  }

  acked(data: Buffer): void {
    const n = this.#numberIn(data);
    const at = this.#sentAt[n];
    if (at === undefined || Number.isNaN(at)) return this.fail(`an ack of nothing that waits: ${data.toString()}`);
    this.#sentAt[n] = Number.NaN;
    this.lastAckAt = nowMs();
    this.acks.push(this.lastAckAt - at);
    this.bytes.ackBytes = data.length;
    if (this.lastAckAt < this.#until) this.send(this.#routeOf[n] ?? 0);
    else if (this.#until > 0) this.#isFinished = true;
    this.#check();
  }

  /** @param i recipient */
  delivered(i: number, data: Buffer): void {
    if (!data.includes(this.#run)) return;
    const n = this.#awaited[i]?.shift();
    if (n === undefined || this.#numberIn(data) !== n || !data.includes(textOf(n)))
      return this.fail(`message ${n ?? "that nobody sent"} was to come, not ${data.toString()}`);
    this.#delivered += 1;
    this.bytes.pushBytes = data.length;
    this.#check();
  }

  fail(why: string): void {
    this.#settle[1](new Error(`${why}; ${this.progress()}`));
  }

  progress(): string {
    return `sent ${this.#sentAt.length}, acknowledged ${this.acks.length}, delivered ${this.#delivered}`;
  }

  #check(): void {
    const sent = this.#sentAt.length;
    if (this.#isFinished && this.acks.length === sent && this.#delivered === sent) this.#settle[0]();
  }

  #numberIn(data: Buffer): number {
    return Number(field(data, `"client_id":"${this.#run}-`));
  }
}
