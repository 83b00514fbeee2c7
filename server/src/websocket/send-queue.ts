import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** What is handed to the socket's own buffer before the rest waits here, in bytes. */
const handed = 256 * 1024;

interface Outgoing {
  data: Buffer;
  binary: boolean;
}

/**
 * The one writer of a socket: frames leave in the order they were given, and those of one turn in one system call. What the client
 * does not read in time waits here, up to a bound; beyond it the client is too slow and `onSlow` is called once.
 */
export interface SendQueue {
  send(data: Buffer, binary: boolean): void;
  /** Bytes that wait, here and in the socket. */
  bytes(): number;
  /** Drops what waits; nothing is sent any more. */
  close(): void;
}

export function createSendQueue(
  ws: WebSocket,
  raw: Duplex,
  options: { maxBytes: number; onSlow: () => void },
): SendQueue {
  let waiting: Outgoing[] = [];
  let waitingBytes = 0;
  let scheduled = false;
  let closed = false;

  function flush(): void {
    scheduled = false;
    if (closed || waiting.length === 0 || ws.readyState !== ws.OPEN) return;
    raw.cork();
    let sent = 0;
    for (const { data, binary } of waiting) {
      if (raw.writableLength > handed) break;
      ws.send(data, { binary, compress: false });
      waitingBytes -= data.length;
      sent += 1;
    }
    waiting = sent === waiting.length ? [] : waiting.slice(sent);
    raw.uncork();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  }

  raw.on("drain", schedule);
  return {
    send(data, binary) {
      if (closed) return;
      waiting.push({ data, binary });
      waitingBytes += data.length;
      if (waitingBytes > options.maxBytes) {
        closed = true;
        waiting = [];
        waitingBytes = 0;
        options.onSlow();
      } else schedule();
    },
    bytes: () => waitingBytes + raw.writableLength,
    close() {
      closed = true;
      waiting = [];
      waitingBytes = 0;
    },
  };
}
