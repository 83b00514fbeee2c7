import { gzipSync } from "node:zlib";
import type { WebSocket } from "ws";
import { openTestSocket, type Received, type TestSocket } from "./chat-server.ts";
import type { Answer } from "./http-server.ts";
import { answerShape } from "./mobile-routes.ts";
import { extraFields, februaryFrames, newestFrames } from "./mobile-shapes.ts";
import { multipart, multipartType } from "./multipart.ts";
import type { TestServer } from "./test-server.ts";

/** A message as the app keeps it. */
export interface MobileMessage {
  id: number;
  client_id: string;
  sender_id: number;
  group_id: number | null;
  content: string;
  message_type: string;
  status: string;
  is_read: boolean;
}

/** A socket of the app: it acknowledges each message, and reads it first when its chat is open. */
export interface MobileSocket extends TestSocket {
  /** Every message that came, alone or in a batch. */
  messages: MobileMessage[];
  /** Conversation that is open on the screen. */
  openChat: string;
}

/** The app on one phone, logged in. */
export interface MobileApp {
  id: number;
  name: string;
  tokens: { access: string; refresh: string };
  /**
   * A call below /api as the app makes it; after a 401 it refreshes once and tries again. A success must parse.
   * @throws Error naming the field where the app would
   */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<MobileAnswer<T>>;
  upload<T>(path: string, field: string, data: Buffer): Promise<MobileAnswer<T>>;
  /** GET of an image URL, with the token as for any URL. */
  image(url: string): Promise<Answer>;
  /** POST /auth/refresh with a cookie made by hand. */
  refresh(token?: string): Promise<Answer>;
  headers(): Record<string, string>;
  open(): Promise<MobileSocket>;
  /** Sends a chat by a socket; gives its client_id. */
  send(socket: TestSocket, to: { recipient_id: number } | { group_id: number }, content: string, more?: object): string;
}
export interface MobileAnswer<T = Record<string, unknown>> {
  status: number;
  /** Null when it is empty. */
  body: T;
}

/** What all apps of one test share. */
export interface MobileWorld {
  server: TestServer;
  app: "february" | "newest";
  /** Takes what is wrong with frames. */
  faults: unknown[];
  /** Takes the names of fields that came and that only the newest app knows. */
  extras: string[];
  sockets: MobileSocket[];
}

let clientIds = 0;

export async function installApp(world: MobileWorld, name: string): Promise<MobileApp> {
  const { server, faults } = world;
  const registered = await server.request("POST", "/api/auth/register", {
    body: JSON.stringify({ username: name, email: `${name}@example.org`, password: "ten letters", full_name: name }),
    headers: { "content-type": "application/json" },
  });
  const { user, tokens } = tokensOf(registered);
  const bearer = (): Record<string, string> => ({ authorization: `Bearer ${tokens.access}` });
  const headers = (): Record<string, string> => ({ ...bearer(), "content-type": "application/json" });
  const refresh = (token = tokens.refresh): Promise<Answer> =>
    server.request("POST", "/api/auth/refresh", { headers: { cookie: `om_refresh=${token}` } });
  const retried = async (ask: () => Promise<Answer>): Promise<Answer> => {
    const first = await ask();
    if (first.status !== 401) return first;
    const refreshed = await refresh();
    if (refreshed.status !== 200) throw new Error("Session expired");
    Object.assign(tokens, tokensOf(refreshed).tokens);
    return ask();
  };
  const parse = <T>(method: string, path: string, answer: Answer): MobileAnswer<T> => {
    const body = answer.text === "" ? null : (answer.json() as unknown);
    if (answer.status < 300 && body !== null) answerShape(method, path)(body, `${method} ${path}`);
    world.extras.push(...extraFields(body));
    return { status: answer.status, body: body as T };
  };
  return {
    id: user.id,
    name,
    tokens,
    headers,
    refresh,
    async call(method, path, body) {
      const given = body === undefined ? {} : { body: JSON.stringify(body) };
      const ask = () => server.request(method, `/api${path}`, { headers: headers(), ...given });
      return parse(method, path, await retried(ask));
    },
    async upload(path, field, data) {
      const body = multipart({ name: field, filename: "image.jpg", type: "image/jpeg", data });
      const ask = () => server.request("POST", `/api${path}`, { headers: { ...bearer(), ...multipartType }, body });
      return parse("POST", path, await retried(ask));
    },
    image: (url) => server.request("GET", url.slice(new URL(url).origin.length), { headers: bearer() }),
    async open() {
      const url = `${server.url.replace("http", "ws")}/ws?token=${tokens.access}&gzip=1`;
      const kept = { messages: [] as MobileMessage[], openChat: "" };
      const onFrame = (frame: Received, ws: WebSocket): void => receive(world, kept, { frame, ws });
      const opened = await openTestSocket(url, faults, { onFrame });
      const socket = Object.assign(kept, opened.socket);
      world.sockets.push(socket);
      await opened.caughtUp;
      return socket;
    },
    send(socket, to, content, more = {}) {
      clientIds += 1;
      const clientId = `00000000-0000-4000-8000-${String(clientIds).padStart(12, "0")}`;
      say(socket, "chat", { client_id: clientId, ...to, content, message_type: "text", ...more });
      return clientId;
    },
  };
}

/** Sends a frame as the app does: as gzip when it is long and gzip makes it shorter. */
export function say({ ws }: { ws: WebSocket }, type: string, payload: object): void {
  const text = JSON.stringify({ type, payload });
  const packed = text.length > 512 ? gzipSync(text) : undefined;
  if (packed !== undefined && packed.length < text.length) ws.send(packed, { binary: true });
  else ws.send(text);
}

function tokensOf(answer: Answer): { tokens: MobileApp["tokens"]; user: { id: number } } {
  const body = answer.json();
  answerShape("POST", "/auth/refresh")(body, "auth");
  const tokens = { access: String(body["access_token"]), refresh: String(body["refresh_token"]) };
  return { tokens, user: body["user"] as { id: number } };
}

/** What the app does with a frame. */
function receive(
  world: MobileWorld,
  kept: Pick<MobileSocket, "messages" | "openChat">,
  { frame, ws }: { frame: Received; ws: WebSocket },
): void {
  try {
    (world.app === "february" ? februaryFrames : newestFrames)[frame.type]?.(frame, frame.type);
    world.extras.push(...extraFields(frame));
  } catch (fault) {
    world.faults.push(fault);
  }
  for (const message of messagesIn(frame)) {
    const { id, client_id: clientId, group_id: groupId, sender_id: senderId } = message;
    kept.messages.push(message);
    if (groupId === null && kept.openChat === `user_${senderId}`) say({ ws }, "read", { message_id: id });
    if (groupId !== null && kept.openChat === `group_${groupId}`) {
      say({ ws }, "group_read", { group_id: groupId, last_read_message_id: id });
    }
    say({ ws }, "ack", { client_id: clientId, server_id: id, status: "delivered" });
  }
}

function messagesIn(frame: Received): MobileMessage[] {
  if (frame.type === "message") return [frame["message"] as MobileMessage];
  if (frame.type !== "batch") return [];
  return (frame["messages"] as { message: MobileMessage }[]).map(({ message }) => message);
}
