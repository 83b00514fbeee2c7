import { Agent, request, type IncomingMessage } from "node:http";
import { now } from "./clock.ts";
import type { Ms } from "../history/events.ts";

/** What a call was answered, and when it left and was answered. */
export interface Answer {
  readonly status: number;
  /** The parsed JSON; undefined when it was none. */
  readonly body: unknown;
  readonly t0: Ms;
  readonly t1: Ms;
}

/** No answer came: whether it was done is not known. */
export class NoAnswer extends Error {
  readonly waited: Ms;

  constructor(cause: string, waited: Ms) {
    super(cause);
    this.name = "NoAnswer";
    this.waited = waited;
  }
}

export interface Call {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  token?: string;
  body?: unknown;
}

/** One connection to one node, kept while it lasts: calls go one after another. */
export interface Http {
  /** @throws NoAnswer */
  call(call: Call): Promise<Answer>;
  close(): void;
}

/** @param base the node's address, asked for at every call */
export function createHttp(base: () => string, timeoutMs: number): Http {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    call: ({ method, path, token, body }) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const headers = {
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...(text === undefined
            ? {}
            : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }),
        };
        const t0 = now();
        const fail = (error: Error): void => reject(new NoAnswer(error.message, now() - t0));
        const sent = request(`${base()}${path}`, { method, agent, headers, timeout: timeoutMs }, (response) => {
          readBody(response).then(
            (read) => resolve({ status: response.statusCode ?? 0, body: read, t0, t1: now() }),
            fail,
          );
        });
        sent.on("timeout", () => sent.destroy(new Error(`no answer for ${timeoutMs} ms`)));
        sent.on("error", fail);
        sent.end(text);
      }),
    close: () => agent.destroy(),
  };
}

async function readBody(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}
