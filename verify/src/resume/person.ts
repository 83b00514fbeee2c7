import { createApi, memoryTokens, type Api, type TokenStore } from "@om/client";
import type { OutboundFrame } from "@om/protocol";
import { WebSocket } from "ws";

/** Somebody who acts over HTTP, and by one socket where only a frame does it. */
export interface Person {
  readonly id: number;
  readonly name: string;
  readonly api: Api;
  readonly tokens: TokenStore;
  /** Sends a frame; resolves when what it changes is committed. */
  frame(type: string, payload: object): Promise<void>;
}

let made = 0;

export async function openPerson(url: string): Promise<Person & AsyncDisposable> {
  made += 1;
  const name = `p${made}_${Math.random().toString(36).slice(2, 8)}`;
  const tokens = memoryTokens();
  const api = createApi({ baseUrl: url, tokens });
  const { user } = await api.register({ username: name, email: `${name}@example.org`, password: "a long password" });
  let line: Line | undefined;
  return {
    id: user.id,
    name,
    api,
    tokens,
    async frame(type, payload) {
      line ??= await openLine(url, api);
      await line.frame(type, payload);
    },
    [Symbol.asyncDispose]: async () => line?.socket.close(),
  };
}

interface Line {
  socket: WebSocket;
  frame(type: string, payload: object): Promise<void>;
}

/** A socket that only sends: a `ping` behind a frame is answered when that is done. */
async function openLine(url: string, api: Api): Promise<Line> {
  const { ticket } = await api.ticket();
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws?resume=1&ticket=${ticket}`);
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  socket.on("message", (data: Buffer) => {
    if ((JSON.parse(data.toString()) as OutboundFrame).type === "pong") waiting.shift()?.resolve();
  });
  socket.on("close", () => waiting.splice(0).forEach(({ reject }) => reject(new Error("the socket was closed"))));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return {
    socket,
    frame: (type, payload) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        socket.send(JSON.stringify({ type, payload }));
        socket.send(JSON.stringify({ type: "ping", payload: {} }));
      }),
  };
}
