import type { FileResponse } from "../platform/file-response.ts";

/** An object as it lies in the storage; `open` throws OmError `not_found` when it has gone meanwhile. */
export type StoredObject = Omit<FileResponse, "type" | "downloadAs">;

/**
 * Keeps objects under keys such as `avatars/7/<uuid>.jpg`: lower-case parts between slashes, none of which begins with a dot.
 * An object is written once and never changed. Every call has a deadline. Any other key, and any failure of the storage, throws.
 */
export interface MediaStorage {
  /** Stores the file at `path`, which may be moved. The object is there as a whole or not at all. */
  put(key: string, file: { path: string; type: string }): Promise<void>;
  /** Undefined when there is no such object. */
  get(key: string): Promise<StoredObject | undefined>;
  /** An object that is not there is deleted already. */
  delete(key: string): Promise<void>;
}

/** @throws Error for a key that no route of ours can have made */
export function checkedKey(key: string): string {
  if (!/^[a-z0-9_]+(?:\/[a-z0-9_][a-z0-9._-]*)+$/.test(key)) throw new Error("malformed storage key");
  return key;
}
