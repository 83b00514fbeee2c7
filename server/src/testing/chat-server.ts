import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { copyTemplate } from "@om/services";
import { WebSocket } from "ws";
import { startApp } from "../app.ts";
import { parseConfig } from "../config.ts";
import { checkAnswer, checkFrame } from "./wire-check.ts";

/** A frame as it arrived, parsed; `binary` tells that it came as gzip. */
export type Received = { type: string; binary: boolean } & Record<string, unknown>;

/** A raw client socket that keeps what it was sent. */
export interface TestSocket {
  ws: WebSocket;
  /** Everything received so far, pongs left out. */
  frames: Received[];
  send(type: string, payload: unknown): void;
  sendRaw(data: string | Buffer): void;
  /** The first frame not yet taken that fits; waits for it. */
  next(type: string): Promise<Received>;
  /** Resolves when the server has answered everything sent before: frames of one socket are handled in order. */
  settled(): Promise<void>;
  closed: Promise<{ code: number; reason: string }>;
}

export interface TestUser {
  id: number;
  name: string;
  token: string;
}

/** A whole server in this process, with users and raw sockets. What it says that does not fit the protocol makes the test fail. Limits are off unless `env` sets them. */
export interface ChatServer extends AsyncDisposable {
  url: string;
  register(name: string): Promise<TestUser>;
  /**
   * A socket to which live messages go: what waited has been sent. With `flushing` it is given at once.
   * @param query default `&gzip=1`, so that only `ack` proves receipt
   */
  open(user: TestUser, query?: string, when?: "flushing"): Promise<TestSocket>;
  /** Ends all sockets that were opened, and waits until the server knows. */
  closeSockets(): Promise<void>;
  get(path: string, user: TestUser): Promise<{ status: number; body: Record<string, unknown> }>;
  post(path: string, user: TestUser, body: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
  put(path: string, user: TestUser, body: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
  remove(path: string, user: TestUser): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Stops the server and keeps its data, for `start` to take up again. */
  stop(): Promise<void>;
}

export async function startChatServer(env: Record<string, string> = {}): Promise<ChatServer> {
  const folder = mkdtempSync(join(tmpdir(), "om-chat-"));
  const off = { AUTH_LIMIT: "0", NAMES_LIMIT: "0", LOGIN_LIMIT: "0", FRAME_RATE: "0", LOG_LEVEL: "silent" };
  const secret = { JWT_SECRET: "a secret of the tests, long enough" };
  if (env["DATABASE_URL"] === undefined) copyTemplate(join(folder, "pgdata"));
  const app = await startApp(parseConfig({ ...off, ...secret, PORT: "0", DATA_DIR: folder, ...env }));
  const sockets: TestSocket[] = [];
  const faults: unknown[] = [];
  const request = async (
    path: string,
    init: RequestInit,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`${app.url}${path}`, init);
    const [status, text] = [response.status, await response.text()];
    const contentType = response.headers.get("content-type") ?? "";
    checkAnswer({ method: init.method ?? "GET", path, status, contentType, text });
    return { status, body: JSON.parse(text) as Record<string, unknown> };
  };
  const headers = (user?: TestUser): Record<string, string> => ({
    "content-type": "application/json",
    ...(user === undefined ? {} : { authorization: `Bearer ${user.token}` }),
  });
  return {
    url: app.url,
    async register(name) {
      const body = JSON.stringify({ username: name, email: `${name}@example.org`, password: "a long password" });
      const answer = await request("/api/auth/register", { method: "POST", headers: headers(), body });
      const { access_token: token, user } = answer.body as { access_token: string; user: { id: number } };
      return { id: user.id, name, token };
    },
    async open(user, query = "&gzip=1", when) {
      const { caughtUp, socket } = await openTestSocket(
        `${app.url.replace("http", "ws")}/ws?token=${user.token}${query}`,
        faults,
      );
      sockets.push(socket);
      if (when === undefined) await caughtUp;
      return socket;
    },
    async closeSockets() {
      for (const { ws } of sockets) ws.close(4000);
      await Promise.all(sockets.splice(0).map(({ closed }) => closed));
    },
    get: (path, user) => request(path, { headers: headers(user) }),
    post: (path, user, body) => request(path, { method: "POST", headers: headers(user), body: JSON.stringify(body) }),
    put: (path, user, body) => request(path, { method: "PUT", headers: headers(user), body: JSON.stringify(body) }),
    remove: (path, user) => request(path, { method: "DELETE", headers: headers(user) }),
    stop: async () => app[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
      if (faults.length > 0) throw faults[0];
    },
  };
}

/** What a client does of its own accord. */
export interface ClientHabits {
  /** Of the upgrade request. */
  headers?: Record<string, string>;
  /** Told of every frame as it arrives, pongs too. */
  onFrame?: (frame: Received, ws: WebSocket) => void;
}

/**
 * `caughtUp`: the server's first ping has come, which follows what waited.
 * @param faults takes what is wrong with frames that do not fit the protocol; from then on nothing more can be taken
 */
export async function openTestSocket(
  url: string,
  faults: unknown[],
  { headers = {}, onFrame }: ClientHabits = {},
): Promise<{ caughtUp: Promise<unknown>; socket: TestSocket }> {
  const ws = new WebSocket(url, { perMessageDeflate: false, headers });
  const frames: Received[] = [];
  const untaken: Received[] = [];
  const waiting: { type: string; resolve: (frame: Received) => void; reject: (fault: unknown) => void }[] = [];
  ws.on("message", (data: Buffer, isBinary) => {
    const parsed = JSON.parse((isBinary ? gunzipSync(data) : data).toString()) as Received;
    try {
      checkFrame(parsed);
    } catch (fault) {
      faults.push(fault);
      for (const { reject } of waiting.splice(0)) reject(fault);
      return;
    }
    const frame = { ...parsed, binary: isBinary };
    if (frame.type !== "pong") frames.push(frame);
    onFrame?.(frame, ws);
    const index = waiting.findIndex(({ type }) => type === frame.type);
    const [waiter] = index < 0 ? [] : waiting.splice(index, 1);
    if (waiter === undefined) untaken.push(frame);
    else waiter.resolve(frame);
  });
  const caughtUp = Promise.race([once(ws, "ping"), once(ws, "close")]);
  const closed = once(ws, "close").then(([code, reason]) => ({ code: Number(code), reason: String(reason) }));
  await once(ws, "open");
  const next = async (type: string): Promise<Received> => {
    if (faults.length > 0) throw faults[0];
    const index = untaken.findIndex((frame) => frame.type === type);
    const [frame] = index < 0 ? [] : untaken.splice(index, 1);
    return frame ?? new Promise((resolve, reject) => waiting.push({ type, resolve, reject }));
  };
  const send = (type: string, payload: unknown): void => ws.send(JSON.stringify({ type, payload }));
  const socket: TestSocket = {
    ws,
    frames,
    closed,
    send,
    next,
    sendRaw: (data) => ws.send(data),
    async settled() {
      send("ping", {});
      await next("pong");
    },
  };
  return { caughtUp, socket };
}
