import { once } from "node:events";
import { WebSocket } from "ws";
import { within } from "../deadline.ts";

/** Sockets of which the first writes and all others receive. */
export interface Audience extends Disposable {
  sender: WebSocket;
  receivers: readonly WebSocket[];
}

/** Sockets that are opened side by side: well below what a server lets wait for its `accept`. */
const atOnce = 100;

/** @param urls of the sender and of each receiver */
export async function openAudience(urls: readonly string[]): Promise<Audience> {
  const sockets: WebSocket[] = [];
  const close = (): void => {
    for (const socket of sockets) socket.on("error", () => undefined).terminate();
  };
  try {
    for (let start = 0; start < urls.length; start += atOnce) {
      const some = urls.slice(start, start + atOnce).map((url) => new WebSocket(url, { perMessageDeflate: false }));
      sockets.push(...some);
      const late = (): string => `${sockets.filter(isOpen).length} of ${urls.length} sockets have opened`;
      await within(30_000, late, Promise.all(some.map((socket) => once(socket, "open"))));
    }
  } catch (error) {
    close();
    throw error;
  }
  const [sender, ...receivers] = sockets;
  if (sender === undefined || receivers.length === 0) throw new Error("a broadcast needs a sender and a receiver");
  return { sender, receivers, [Symbol.dispose]: close };
}

function isOpen(socket: WebSocket): boolean {
  return socket.readyState === socket.OPEN;
}
