import { request as send, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { routes, type RouteName } from "@om/protocol";
import { parseConfig } from "../config.ts";
import type { Handlers } from "../http/handlers.ts";
import { createOriginPolicy } from "../http/origin.ts";
import { createHttp, type Serving } from "../http/server.ts";
import type { VerifyToken } from "../platform/caller.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { checkAnswer } from "./wire-check.ts";

/** An answer, read to its end. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  cookies: string[];
  text: string;
  bytes: Buffer;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

export interface CallOptions {
  headers?: Record<string, string>;
  /** Text and bytes go as they are, anything else as JSON. */
  body?: unknown;
}

export interface TestHttp extends AsyncDisposable {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  port: number;
  /** For its settings. */
  server: Server;
  /** Errors that were reported, with the request's id. */
  failures: { id: string; route: string; error: unknown }[];
}

export interface TestHttpOptions {
  /** Settings as environment variables; limits are off unless given. */
  env?: Record<string, string>;
  handlers?: Partial<Handlers>;
  /** The handlers echo what they are told, so answers are not held against the protocol. */
  echo?: true;
  verify?: VerifyToken;
  checks?: Serving["checks"];
  now?: () => number;
}

/** Stands for user 7 when the token is `good`. */
const verifyGood: VerifyToken = async (token) =>
  token === "good" ? { userId: 7, email: "nika@example.org", role: "user" } : undefined;

/** The real HTTP server on a free port of loopback; a route without handler fails like a defect. */
export async function openHttp(options: TestHttpOptions = {}): Promise<TestHttp> {
  const config = parseConfig({ AUTH_LIMIT: "0", NAMES_LIMIT: "0", LOGIN_LIMIT: "0", ...options.env });
  const failures: TestHttp["failures"] = [];
  const missing = (Object.keys(routes) as RouteName[]).map((name) => [
    name,
    () => Promise.reject(new Error(`secret text: no handler for ${name}`)),
  ]);
  const serving: Serving = {
    handlers: { ...(Object.fromEntries(missing) as Handlers), ...options.handlers },
    verify: options.verify ?? verifyGood,
    checks: options.checks ?? {},
  };
  const app = await createHttp({
    config,
    isAllowed: createOriginPolicy(config.allowedOrigins),
    telemetry: {
      metrics: createMetrics(),
      http: { answered: () => undefined, failed: (request, error) => void failures.push({ ...request, error }) },
    },
    serving: () => serving,
    now: options.now ?? Date.now,
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const ask: TestHttp["call"] = (method, path, given) => call(port, method, path, given);
  return {
    port,
    server: app.server,
    failures,
    call: options.echo === true ? ask : checked(ask),
    async [Symbol.asyncDispose]() {
      await app.close();
    },
  };
}

/** The same call, whose answers are held against the protocol. */
export function checked<Options>(
  call: (method: string, path: string, options?: Options) => Promise<Answer>,
): (method: string, path: string, options?: Options) => Promise<Answer> {
  return async (method, path, options) => {
    const answer = await call(method, path, options);
    const contentType = answer.headers["content-type"] ?? "";
    checkAnswer({ method, path, status: answer.status, contentType, text: answer.text });
    return answer;
  };
}

/** One request on a connection of its own. */
export function call(
  port: number,
  method: string,
  path: string,
  { headers = {}, body }: CallOptions = {},
): Promise<Answer> {
  const raw = typeof body === "string" || Buffer.isBuffer(body) || body === undefined;
  const payload = raw ? body : JSON.stringify(body);
  const all = raw ? headers : { "content-type": "application/json", ...headers };
  return new Promise((resolve, reject) => {
    const length = payload === undefined ? {} : { "content-length": String(Buffer.byteLength(payload)) };
    const options = { host: "127.0.0.1", port, method, path, headers: { ...length, ...all }, agent: false as const };
    const outgoing = send(options, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString();
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          cookies: incoming.headers["set-cookie"] ?? [],
          text,
          bytes,
          json: () => JSON.parse(text) as Record<string, unknown>,
        });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}
