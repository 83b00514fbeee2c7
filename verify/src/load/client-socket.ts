import { WebSocket } from "ws";
import type { Ms } from "../history/events.ts";
import { now } from "./clock.ts";

/** The answer to a `chat`, and when it was there. */
export interface SendAnswer {
  readonly ack: { conversation_id: string; ver: number; seq: number; server_id: number } | undefined;
  /** Of the error frame, when it was refused. */
  readonly code: string | undefined;
  readonly at: Ms;
}

/** A session's WebSocket: it comes back by itself, and a `chat` whose line broke is sent again with its client_id. */
export interface ClientSocket {
  /** Resolves with undefined when no answer came in time: whether it is stored is not known. */
  chat(payload: Record<string, unknown> & { client_id: string }, timeoutMs: number): Promise<SendAnswer | undefined>;
  /** @returns false when there is no line */
  send(type: string, payload: unknown): boolean;
  /** Without a line until it comes back; a `chat` waits for that. */
  readonly isAway: boolean;
  /** When it came or went. */
  readonly since: Ms;
  comeOrGo(): void;
  close(): void;
}

interface PendingSend {
  payload: Record<string, unknown>;
  resolve(answer: SendAnswer): void;
}

export interface ClientSocketOptions {
  /** The node's address, asked for at every try. */
  base: () => string;
  token: () => string;
  /** It stays away until it is told to come. */
  isAway: boolean;
  /** A frame that tells a version. */
  onVersion(conversationId: string, ver: number, at: Ms): void;
}

const comeBackMs = 100;

export function openClientSocket(options: ClientSocketOptions): ClientSocket {
  const pending = new Map<string, PendingSend>();
  let socket: WebSocket | undefined;
  let closed = false;
  let { isAway } = options;
  let since = -Infinity;
  const send = (type: string, payload: unknown): boolean => {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify({ type, payload }));
    return true;
  };
  const dial = (): void => {
    if (closed || isAway || (socket !== undefined && socket.readyState <= WebSocket.OPEN)) return;
    const url = `${options.base().replace("http", "ws")}/ws?resume=1&token=${options.token()}`;
    const dialled = new WebSocket(url, { perMessageDeflate: false });
    socket = dialled;
    dialled.on("open", () => {
      for (const { payload } of pending.values()) send("chat", payload);
    });
    dialled.on("message", (data: Buffer) => onFrame(data, { pending, onVersion: options.onVersion }));
    dialled.on("error", () => undefined);
    dialled.on("close", () => setTimeout(dial, comeBackMs));
  };
  dial();
  return {
    chat: (payload, timeoutMs) =>
      new Promise((resolve) => {
        const settle = (answer: SendAnswer | undefined): void => {
          clearTimeout(timer);
          pending.delete(payload.client_id);
          resolve(answer);
        };
        const timer = setTimeout(() => settle(undefined), timeoutMs);
        pending.set(payload.client_id, { payload, resolve: settle });
        send("chat", payload);
      }),
    send,
    get isAway() {
      return isAway;
    },
    get since() {
      return since;
    },
    comeOrGo() {
      isAway = !isAway;
      since = now();
      if (isAway) socket?.terminate();
      else dial();
    },
    close() {
      closed = true;
      socket?.terminate();
    },
  };
}

function onFrame(
  data: Buffer,
  { pending, onVersion }: Pick<ClientSocketOptions, "onVersion"> & { pending: ReadonlyMap<string, PendingSend> },
): void {
  const at = now();
  const frame = parse(data);
  const { conversation_id: conversationId, ver, client_id: clientId } = frame;
  if (typeof conversationId === "string" && typeof ver === "number") onVersion(conversationId, ver, at);
  if (typeof clientId !== "string" || (frame["type"] !== "ack" && frame["type"] !== "error")) return;
  const ack = frame["type"] === "ack" ? (frame["payload"] as SendAnswer["ack"]) : undefined;
  const code = ack === undefined ? String(frame["code"]) : undefined;
  pending.get(clientId)?.resolve({ ack, code, at });
}

function parse(data: Buffer): Record<string, unknown> {
  try {
    const frame: unknown = JSON.parse(data.toString("utf8"));
    return typeof frame === "object" && frame !== null ? (frame as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
