import type { Socket } from "node:net";
import { within } from "../deadline.ts";
import { cpuMs, nowMs, quantile } from "../measure.ts";
import { openConnection } from "./connection.ts";

/** What is asked. */
export interface Target {
  /** Of the page, with its query. */
  url: string;
  token: string;
  /** Of the process that answers. */
  pid: number;
  /** Every byte of every answer is compared with these. */
  body?: Buffer;
  /** What an answer of other bytes must pass; without `body`, the first of each connection. @throws Error that says what is wrong */
  check?(body: Buffer): void;
  /** What happens before each request, untimed. */
  before?(): Promise<unknown>;
}

/** What GETs over keep-alive connections measured, one at a time on each. */
export interface HttpLoad extends Record<string, number> {
  /** Requests per second. */
  rate: number;
  /** Ms. */
  p50: number;
  p99: number;
  /** Of the process that answers, µs per request. */
  cpu: number;
}

/**
 * A request is one write, and an answer is compared where it was read.
 * @throws Error when an answer is not 200, or not the bytes that it must be; when a connection ends
 */
export async function httpLoad(target: Target, load: { seconds: number; connections: number }): Promise<HttpLoad> {
  const taken: number[] = [];
  const before = cpuMs(target.pid);
  const started = nowMs();
  const until = started + load.seconds * 1000;
  const note = (ms: number): boolean => {
    taken.push(ms);
    return nowMs() < until;
  };
  const all = Array.from({ length: load.connections }, () => keepAsking(target, note));
  await within(
    load.seconds * 1000 + 30_000,
    () => `${taken.length} answers of ${target.url} have come`,
    Promise.all(all),
  );
  return {
    rate: (taken.length / (nowMs() - started)) * 1000,
    p50: quantile(taken, 0.5),
    p99: quantile(taken, 0.99),
    cpu: ((cpuMs(target.pid) - before) * 1000) / taken.length,
  };
}

/** Asks on one connection until `note`, given what an answer took, says that it is enough. */
async function keepAsking(target: Target, note: (ms: number) => boolean): Promise<void> {
  const url = new URL(target.url);
  const request = Buffer.from(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${target.token}\r\n\r\n`,
  );
  let socket: Socket | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      let asked = 0;
      const ask = (): void => {
        asked = nowMs();
        socket?.write(request);
      };
      const reader = createReader(target, () => {
        if (!note(nowMs() - asked)) resolve();
        else if (target.before === undefined) ask();
        else target.before().then(ask, reject);
      });
      const read = (bytes: Buffer): void => {
        try {
          reader(bytes);
        } catch (error) {
          reject(error);
        }
      };
      socket = openConnection(url, read, (why) => reject(new Error(`${target.url}: ${why}`))).once("connect", ask);
    });
  } finally {
    socket?.destroy();
  }
}

/** @returns takes what was read; calls `done` after each answer. */
function createReader(target: Target, done: () => void): (chunk: Buffer) => void {
  const { url, body, check = otherBytes } = target;
  /** Of the answer that is being read: how much of its body has come, and how long it is; undefined: its head is awaited. */
  let got = 0;
  let length: number | undefined;
  let head = Buffer.alloc(0);
  /** The parts of an answer that must be checked. */
  let kept: Buffer[] | undefined = body === undefined ? [] : undefined;
  return (chunk) => {
    let part = chunk;
    if (length === undefined) {
      if (head.length > 0) part = Buffer.concat([head, chunk]);
      const end = part.indexOf("\r\n\r\n");
      if (end < 0) {
        head = Buffer.from(part);
        return;
      }
      head = Buffer.alloc(0);
      length = lengthIn(url, part.toString("latin1", 0, end + 2));
      part = part.subarray(end + 4);
    }
    if (got + part.length > length) throw new Error(`${url}: ${got + part.length} bytes instead of ${length}`);
    if (kept === undefined && body !== undefined && !isAt(body, part, got)) kept = [body.subarray(0, got)];
    kept?.push(Buffer.from(part));
    got += part.length;
    if (got < length) return;
    if (kept === undefined && body !== undefined && got !== body.length) kept = [body.subarray(0, got)];
    if (kept !== undefined) check(Buffer.concat(kept));
    kept = undefined;
    got = 0;
    length = undefined;
    done();
  };

  function otherBytes(): void {
    if (body !== undefined) throw new Error(`${url}: other bytes than those that it must be`);
  }
}

/** Whether `part` is what stands in `whole` from `start` on. */
function isAt(whole: Buffer, part: Buffer, start: number): boolean {
  return start + part.length <= whole.length && whole.compare(part, 0, part.length, start, start + part.length) === 0;
}

function lengthIn(url: string, head: string): number {
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`${url}: ${head.slice(0, head.indexOf("\r\n"))}`);
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`${url}: an answer without Content-Length`);
  return Number(length);
}

/** One answer. @throws Error when it is not 2xx */
export async function ask(
  { url, token }: Pick<Target, "url" | "token">,
  body?: unknown,
): Promise<{ body: Buffer; headers: Headers }> {
  const response = await fetch(url, {
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    signal: AbortSignal.timeout(30_000),
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${url}: ${response.status} ${bytes.toString()}`);
  return { body: bytes, headers: response.headers };
}
