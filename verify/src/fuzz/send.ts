import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { bytesOf, frameBytes, type Credentials, type HttpInput, type Input, type SocketInput } from "./inputs.ts";
import { leakIn, wrongStatus } from "./judge.ts";

/** The server, and what is known to those who send to it. */
export interface Target {
  port: number;
  /** The access token of one of the people; undefined: there is nobody. */
  token(person: number): string | undefined;
  /** What no answer may hold. */
  secrets(): Iterable<string>;
}

/** How long the server may take to answer or to close, in ms. */
const deadlineMs = 20_000;
/** Of an answer this much is looked at, in bytes. */
const looked = 2 ** 20;

/** Sends one input. @throws Error when what comes back breaks a promise */
export async function send(input: Input, target: Target): Promise<void> {
  using line = open(target.port);
  await (input.kind === "http" ? sendHttp(input, target, line) : sendSocket(input, target, line));
}

async function sendHttp(input: HttpInput, target: Target, line: Line): Promise<void> {
  const bytes = requestBytes(input, target);
  line.socket.write(bytes.subarray(0, Math.ceil(bytes.length * input.sent)));
  if (!mustAnswer(input)) line.socket.end();
  await line.until(() => false, "the end of an answer");
  const text = line.text();
  if (text === "" && mustAnswer(input)) throw new Error(`closed without an answer (${line.failure() ?? "cleanly"})`);
  judgeAnswer(text, target);
}

function judgeAnswer(text: string, target: Target): void {
  // An interim answer goes before the real one.
  const statuses = [...text.matchAll(/(?:^|\r\n)HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  const wrong =
    statuses.map((status) => wrongStatus(status, text)).find((words) => words !== undefined) ??
    leakIn(text, target.secrets());
  if (wrong !== undefined) throw new Error(`${wrong}\n${text.slice(0, 600)}`);
}

/** Headers that may make it another request, or none that ends here. */
const meddling = /^(?:content-length|transfer-encoding|connection|upgrade|expect|host)$/i;

function mustAnswer({ sent, length, headers, body }: HttpInput): boolean {
  const isRight = length === "right" || length === "chunks" || (length === "none" && body === undefined);
  return sent === 1 && isRight && !headers.some(([name]) => meddling.test(name));
}

function requestBytes(input: HttpInput, target: Target): Buffer {
  const body = input.body === undefined ? Buffer.alloc(0) : bytesOf(input.body);
  const { length } = input;
  const head = [
    `${input.method} ${input.target} HTTP/1.1`,
    `Host: 127.0.0.1:${target.port}`,
    "Connection: close",
    ...credentialLines(input, target),
    ...input.headers.map(([name, value]) => `${name}: ${value}`),
    ...(length === "chunks" ? ["Transfer-Encoding: chunked"] : []),
    ...(length === "right" && input.body !== undefined ? [`Content-Length: ${body.length}`] : []),
    ...(typeof length === "number" ? [`Content-Length: ${length}`] : []),
  ];
  const chunks = [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")];
  const rest = length !== "chunks" ? [body] : body.length === 0 ? [Buffer.from("0\r\n\r\n")] : chunks;
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), ...rest]);
}

function credentialLines({ as, by }: Credentials, target: Target): string[] {
  const token = target.token(as) ?? "";
  if (by === "nothing") return [];
  if (by === "bearer") return [`Authorization: Bearer ${token}`];
  if (by === "cookie") return [`Cookie: om_access=${token}; om_csrf=proof`, "X-CSRF-Token: proof"];
  return [`Authorization: Bearer ${token.slice(0, -3)}`];
}

async function sendSocket(
  { query, frames, end, ...credentials }: SocketInput,
  target: Target,
  line: Line,
): Promise<void> {
  const inHeader = credentials.by === "cookie" ? credentialLines(credentials, target) : [];
  const token = { bearer: target.token(credentials.as) ?? "", broken: "x.y.z", cookie: "", nothing: "" }[
    credentials.by
  ];
  const head = [
    `GET /ws?token=${token}${query} HTTP/1.1`,
    `Host: 127.0.0.1:${target.port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...inHeader,
  ];
  line.socket.write(`${head.join("\r\n")}\r\n\r\n`);
  if (!(await line.until(() => line.text().includes("\r\n\r\n"), "an answer to the upgrade"))) {
    if (line.text() === "") throw new Error("the upgrade was closed without an answer");
  }
  if (line.text().startsWith("HTTP/1.1 101")) await converse(line, frames, end);
  const text = line.text();
  judgeAnswer(text, target);
  // 4004: the server failed while it served the socket.
  if (line.holds(Buffer.from([0x0f, 0xa4]), "internal error")) throw new Error("closed with 4004, internal error");
}

async function converse(line: Line, frames: SocketInput["frames"], end: SocketInput["end"]): Promise<void> {
  const bytes = Buffer.concat(frames.map(frameBytes));
  if (end === "cut") {
    line.socket.end(bytes.subarray(0, Math.floor(bytes.length * 0.9)));
    return void (await line.until(() => false, "the end of a cut line"));
  }
  line.socket.write(bytes);
  if (end === "closed") return;
  // Claimed lengths swallow what comes after them: what waits for the rest of a frame has nothing to answer.
  if (frames.some(({ claims }) => claims !== undefined)) {
    line.socket.end();
    return void (await line.until(() => false, "the end of a half closed line"));
  }
  const mark = randomUUID();
  const last = { type: "chat", payload: { client_id: mark } };
  const frame = { opcode: 1, fin: true, rsv: 0, masked: true, content: { text: JSON.stringify(last) } };
  line.socket.write(frameBytes(frame));
  await line.until(() => line.text().includes(mark), "the answer to a frame");
}

interface Line extends Disposable {
  readonly socket: Socket;
  /** What came so far, each byte a character. */
  text(): string;
  holds(bytes: Buffer, then: string): boolean;
  failure(): string | undefined;
  /** @returns whether it holds; false: the line was closed first. @throws Error after the deadline */
  until(holds: () => boolean, what: string): Promise<boolean>;
}

function open(port: number): Line {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  let failure: string | undefined;
  socket.on("error", (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message));
  socket.on("data", (chunk: Buffer) => {
    if (text.length < looked) text += chunk.toString("latin1");
  });
  socket.on("end", () => socket.end());
  return {
    socket,
    text: () => text,
    holds: (bytes, then) => text.includes(bytes.toString("latin1") + then),
    failure: () => failure,
    async until(holds, what) {
      const late = AbortSignal.timeout(deadlineMs);
      while (!holds()) {
        if (socket.readableEnded || socket.destroyed) return holds();
        const changed = new AbortController();
        const signal = AbortSignal.any([late, changed.signal]);
        await Promise.race(["data", "end", "close"].map((event) => once(socket, event, { signal }))).catch(
          () => undefined,
        );
        changed.abort();
        if (late.aborted) throw new Error(`nothing for ${deadlineMs} ms: ${what}\n${text.slice(0, 300)}`);
      }
      return true;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}
