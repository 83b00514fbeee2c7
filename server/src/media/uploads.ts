import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ErrorCode } from "@om/protocol";
import type { Clock } from "../platform/clock.ts";
import { createSemaphore, createSemaphores } from "../platform/semaphore.ts";
import { OmError } from "../platform/om-error.ts";
import type { ReceiveFile, UploadResult } from "../platform/upload.ts";
import { checkDisk } from "./room.ts";

/** A file that has arrived as a whole. */
export interface UploadedFile {
  path: string;
  size: number;
  /** Its first 12 bytes, or fewer. */
  head: Buffer;
  /** As its sender calls it. */
  name: string;
  /** A path beside it for what is made of it. */
  resultPath: string;
}

/** What an upload that brings no usable file is answered. */
export type UploadRefusals = Record<Exclude<UploadResult["outcome"], "file">, ErrorCode>;

export interface Upload {
  /** Whose it is. */
  userId: number;
  receive: ReceiveFile;
  refusals: UploadRefusals;
}

/** Older than any upload that is still under way, in ms. */
const staleAfter = 3_600_000;

/**
 * Files on their way in: each waits on disk in a folder of its own, and is gone when `use` is done with it. Of one person a few are taken
 * side by side and the others wait, so that nobody takes the place of all.
 * @param minFreeBytes what the disk must have left beside them
 */
export function createUploads({ folder, minFreeBytes, now }: { folder: string; minFreeBytes: number; now: Clock }) {
  const [people, all] = [
    createSemaphores({ parallel: 4, maxWaiting: 60 }),
    createSemaphore({ parallel: 64, maxWaiting: 0 }),
  ];
  let underWay = 0;
  async function take<T>({ receive, refusals }: Upload, use: (file: UploadedFile) => Promise<T>): Promise<T> {
    const own = join(folder, randomUUID());
    const path = join(own, "in");
    await mkdir(own, { recursive: true, mode: 0o700 });
    underWay += 1;
    try {
      await checkDisk(own, underWay, minFreeBytes);
      const received = await receive((file) => pipeline(file, createWriteStream(path, { flags: "wx", mode: 0o600 })));
      if (received.outcome !== "file") throw new OmError(refusals[received.outcome]);
      return await use({ path, resultPath: join(own, "out"), name: received.name, ...(await inspect(path)) });
    } finally {
      underWay -= 1;
      await rm(own, { recursive: true, force: true });
    }
  }
  return {
    /** @throws OmError of the upload's refusals, `unavailable` when too many are under way, `storage_full` */
    receive: <T>(upload: Upload, use: (file: UploadedFile) => Promise<T>): Promise<T> =>
      people.run(upload.userId, () => all.run(() => take(upload, use))),
    /** Removes what a crash left behind. */
    async sweep(): Promise<void> {
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name);
        const changed = await stat(path).then(
          ({ mtimeMs }) => mtimeMs,
          () => Number.POSITIVE_INFINITY,
        );
        if (changed < now() - staleAfter) await rm(path, { recursive: true, force: true });
      }
    },
  };
}
export type Uploads = ReturnType<typeof createUploads>;

async function inspect(path: string): Promise<{ size: number; head: Buffer }> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(12), 0, 12, 0);
    return { size, head: buffer.subarray(0, bytesRead) };
  } finally {
    await file.close();
  }
}
