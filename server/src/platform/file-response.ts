import type { Readable } from "node:stream";

/** From the first byte to the last, both counted from 0 and both included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** An answer that is a file, never shown by a browser as a page. */
export interface FileResponse {
  type: string;
  /** Given: the file is a download of this name. */
  downloadAs?: string;
  size: number;
  /** Strong, with its quotes; differs when the bytes differ. */
  etag: string;
  lastModified: Date;
  /** Called only when the bytes are wanted; destroying the stream closes the file. @param range default: all of it */
  open(range?: ByteRange): Promise<Readable>;
}
