import { connect, type Socket } from "node:net";

/** Read into by one connection after the other. */
const readBuffer = Buffer.alloc(256 * 1024);

/**
 * A connection that costs little, so that the server is what is measured.
 * @param onBytes is given what was read where it was read: the next read of any connection overwrites it
 * @param onEnd told when it has ended, whoever ended it; perhaps twice
 */
export function openConnection(url: URL, onBytes: (bytes: Buffer) => void, onEnd: (why: string) => void): Socket {
  const callback = (length: number): boolean => {
    onBytes(readBuffer.subarray(0, length));
    return true;
  };
  const onread = { buffer: readBuffer, callback };
  return connect({ host: url.hostname, port: Number(url.port), noDelay: true, onread })
    .on("error", (error) => onEnd(error.message))
    .once("close", () => onEnd("the connection ended"));
}
