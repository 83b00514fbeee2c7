import type { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import type { Route } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import type { ReceiveFile, UploadResult } from "../platform/upload.ts";
import { BodyTooLarge } from "./body.ts";

type UploadRule = NonNullable<Route["upload"]>;

export interface UploadBody {
  body: Readable;
  /** More is no request at all. */
  maxBytes: number;
  contentType: string;
  /** Calls back when the body comes too slowly, until what it returns is called. */
  watch: (onTooSlow: () => void) => () => void;
}

/** What a body may have beside its one file. */
const partLimits = { files: 1, fields: 20, parts: 21, fieldSize: 4096, fieldNameSize: 100, headerPairs: 20 };

/**
 * Reads a multipart body as it arrives: one file in the field of `rule`, few small fields beside it. Nothing is kept in memory but
 * what is under way; what comes after the answer is known is read and dropped.
 * @throws BodyTooLarge, OmError `request_too_slow`
 */
export function fileReceiver(request: UploadBody, rule: UploadRule): ReceiveFile {
  return async (sink) => {
    const parser = openParser(request.contentType, rule.maxBytes);
    if (parser === undefined) return { outcome: "missing" };
    if (request.body.readableAborted) return { outcome: "broken" };
    return read({ ...request, parser, field: rule.field }, sink);
  };
}

/** Undefined when the type is not multipart or has no boundary. */
function openParser(contentType: string, maxBytes: number): BusboyInstance | undefined {
  if (!/^multipart\/form-data\s*;/i.test(contentType)) return undefined;
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      limits: { ...partLimits, headerSize: 8192, fileSize: maxBytes },
    });
  } catch {
    return undefined;
  }
}

async function read(
  { body, parser, field, maxBytes, watch }: UploadBody & { parser: BusboyInstance; field: string },
  sink: (file: Readable) => Promise<void>,
): Promise<UploadResult> {
  let received = { outcome: "missing" } as UploadResult;
  let stored: Promise<void> = Promise.resolve();
  let file: Readable | undefined;
  let stop: () => void = () => undefined;
  let isWhole = false;
  try {
    await new Promise<void>((resolve, reject) => {
      let bytes = 0;
      const end = (outcome: "too_large" | "broken"): void => {
        received = { outcome: bytes === 0 ? "missing" : outcome };
        resolve();
      };
      parser.on("file", (name, stream, filename) => {
        stream.on("error", () => undefined);
        if (name !== field) {
          stream.resume();
          return;
        }
        file = stream;
        received = { outcome: "file", name: filename ?? "" };
        stream.once("limit", () => end("too_large"));
        stored = sink(stream);
        stored.catch(reject);
      });
      for (const limit of ["filesLimit", "fieldsLimit", "partsLimit"] as const) parser.on(limit, () => end("broken"));
      parser.on("error", () => end("broken"));
      parser.once("finish", resolve);
      body.on("error", () => end("broken"));
      body.once("close", () => body.readableEnded || end("broken"));
      stop = watch(() => reject(new OmError("request_too_slow")));
      body.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) reject(new BodyTooLarge());
      });
      body.pipe(parser);
    });
    isWhole = received.outcome === "file";
  } finally {
    stop();
    body.unpipe(parser);
    body.resume();
    if (!isWhole) {
      file?.destroy(new Error("the upload was cut short"));
      await stored.catch(() => undefined);
    }
  }
  if (isWhole) await stored;
  return received;
}
