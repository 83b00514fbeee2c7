import { within } from "../deadline.ts";
import { openConnection } from "./connection.ts";

/** What a socket tells. */
export interface Listener {
  /** @param data of a text frame; it is overwritten after the call */
  onFrame(data: Buffer): void;
  /** It has ended, by itself or by the server. */
  onClose(why: string): void;
}

/** A WebSocket client that costs little, so that the server is what is measured: no events, no copies, no mask but zeros. */
export interface BenchSocket extends Disposable {
  send(text: string): void;
}

/** Sockets that are opened side by side: well below what a server lets wait for its `accept`. */
const atOnce = 100;

/** @param listener of the i-th socket @throws Error when one does not open */
export async function openSockets(urls: readonly string[], listener: (i: number) => Listener): Promise<BenchSocket[]> {
  const sockets: BenchSocket[] = [];
  let next = 0;
  const opener = async (): Promise<void> => {
    while (next < urls.length) {
      const i = next++;
      sockets[i] = await openSocket(urls[i] ?? "", listener(i));
    }
  };
  const late = (): string => `${Object.keys(sockets).length} of ${urls.length} sockets have opened`;
  await within(120_000, late, Promise.all(Array.from({ length: atOnce }, opener)));
  return sockets;
}

/** Resolves when it is open; frames may have come before. */
function openSocket(url: string, listener: Listener): Promise<BenchSocket> {
  const at = new URL(url);
  return new Promise((resolve, reject) => {
    let isOpen = false;
    let isDone = false;
    const closed = (why: string): void => {
      if (isDone) return;
      isDone = true;
      if (isOpen) listener.onClose(why);
      else reject(new Error(`a socket has not opened: ${why}`));
    };
    const take = createParser({
      onHead(head) {
        if (!head.startsWith("HTTP/1.1 101 ")) return closed(head.slice(0, 200));
        isOpen = true;
        resolve({
          send: (text) => void socket.write(frame(0x81, text)),
          [Symbol.dispose]() {
            isDone = true;
            // A reset leaves no port behind that has to wait for a minute.
            socket.resetAndDestroy();
          },
        });
      },
      onFrame(opcode, data) {
        if (opcode === 1) listener.onFrame(data);
        else if (opcode === 8) closed(data.length < 2 ? "closed" : `closed with ${data.readUInt16BE(0)}`);
        else if (opcode === 9) socket.write(frame(0x8a, data.toString("latin1")));
        else closed(`a frame with opcode ${opcode}`);
      },
    });
    const read = (bytes: Buffer): void => void (isDone || take(bytes));
    const socket = openConnection(at, read, closed);
    socket.write(
      `GET ${at.pathname}${at.search} HTTP/1.1\r\nHost: ${at.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
  });
}

function createParser(to: { onHead(head: string): void; onFrame(opcode: number, data: Buffer): void }) {
  let rest = Buffer.alloc(0);
  let isOpen = false;
  return (chunk: Buffer): void => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!isOpen) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end >= 0) {
        isOpen = true;
        to.onHead(bytes.toString("latin1", 0, end));
        bytes = bytes.subarray(end + 4);
      }
    }
    while (isOpen && bytes.length >= 2) {
      const short = (bytes[1] ?? 0) & 0x7f;
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length < header) break;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
      if (bytes.length < header + length) break;
      to.onFrame((bytes[0] ?? 0) & 0x0f, bytes.subarray(header, header + length));
      bytes = bytes.subarray(header + length);
    }
    rest = bytes.length === 0 ? empty : Buffer.from(bytes);
  };
}

const empty = Buffer.alloc(0);

/** @param first byte of the frame */
function frame(first: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 6 : 8;
  const bytes = Buffer.alloc(header + length);
  bytes[0] = first;
  bytes[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 126) bytes.writeUInt16BE(length, 2);
  bytes.write(text, header);
  return bytes;
}

/** The text after `prefix` up to the next quote: parsing every frame would measure the client. */
export function field(data: Buffer, prefix: string): string {
  const start = data.indexOf(prefix) + prefix.length;
  return data.toString("latin1", start, data.indexOf('"', start));
}
