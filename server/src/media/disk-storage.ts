import { mkdir, open, lstat, rename, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { dirname, join } from "node:path";
import type { ByteRange } from "../platform/file-response.ts";
import { OmError } from "../platform/om-error.ts";
import { checkedKey, type MediaStorage, type StoredObject } from "./media-storage.ts";

/** Objects as files below `folder`; a file that is put must lie on the same file system. */
export function diskStorage(folder: string): MediaStorage {
  const pathOf = (key: string): string => join(folder, checkedKey(key));
  return {
    async put(key, { path }) {
      const target = pathOf(key);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await sync(path);
      await rename(path, target);
      await sync(dirname(target));
    },
    async get(key) {
      const path = pathOf(key);
      const found = await unlessMissing(lstat(path, { bigint: true }));
      if (found === undefined || !found.isFile()) return undefined;
      return {
        size: Number(found.size),
        etag: `"${found.size.toString(16)}-${found.mtimeNs.toString(16)}"`,
        lastModified: new Date(Number(found.mtimeMs)),
        open: (range) => openFile(path, range),
      } satisfies StoredObject;
    },
    async delete(key) {
      await rm(pathOf(key), { force: true });
    },
  };
}

async function openFile(path: string, range?: ByteRange): ReturnType<StoredObject["open"]> {
  const file = await unlessMissing(open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
  if (file === undefined) throw new OmError("not_found");
  return file.createReadStream({ highWaterMark: 64 * 1024, ...range });
}

/** What was written reaches the disk before its name does. */
async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
