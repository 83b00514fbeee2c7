import type { Readable } from "node:stream";

/** How reading an upload ended; `name` is the file's name as its sender calls it. */
export type UploadResult = { outcome: "file"; name: string } | { outcome: "missing" | "too_large" | "broken" };

/**
 * Reads the one file of a request into `sink`, which must read it to its end or throw. To be called once. When the file is cut
 * short, because it is too large or because the request ends, its stream fails and so should `sink`.
 * @throws what `sink` throws, if that is not the request's fault
 */
export type ReceiveFile = (sink: (file: Readable) => Promise<void>) => Promise<UploadResult>;
