import type { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { limits, type Route } from "@om/protocol";
import type { ReceiveFile, UploadResult } from "../platform/upload.ts";

type UploadRule = NonNullable<Route["upload"]>;

/** The body is larger than anything that could be meant. */
class BodyTooLarge extends Error {
  readonly statusCode = 413;
}

/** What a body may have beside its one file. */
const partLimits = { files: 1, fields: 20, parts: 21, fieldSize: 4096, fieldNameSize: 100, headerPairs: 20 };

/**
 * Reads a multipart body as it arrives: one file in the field of `rule`, few small fields beside it. Nothing is kept in memory but
 * what is under way; what comes after the answer is known is read and dropped.
 * @throws BodyTooLarge
 */
export function fileReceiver(
  request: { body: Readable | undefined; contentType: string; length: number },
  rule: UploadRule,
): ReceiveFile {
  return async (sink) => {
    const maxBody = Math.max(limits.bodyBytes, rule.maxBytes + limits.multipartBytes);
    if (request.length > maxBody) throw new BodyTooLarge();
    const parser = openParser(request.contentType, rule.maxBytes);
    if (request.body === undefined || parser === undefined) return { outcome: "missing" };
    return read({ body: request.body, parser, field: rule.field, maxBody }, sink);
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
  { body, parser, field, maxBody }: { body: Readable; parser: BusboyInstance; field: string; maxBody: number },
  sink: (file: Readable) => Promise<void>,
): Promise<UploadResult> {
  let received = { outcome: "missing" } as UploadResult;
  let stored: Promise<void> = Promise.resolve();
  let file: Readable | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const end = (outcome: "too_large" | "broken"): void => {
        received = { outcome };
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
      let bytes = 0;
      body.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBody) reject(new BodyTooLarge());
      });
      body.pipe(parser);
    });
  } finally {
    body.unpipe(parser);
    body.resume();
    if (received.outcome !== "file") file?.destroy(new Error("the upload was cut short"));
  }
  if (received.outcome === "file") await stored;
  else await stored.catch(() => undefined);
  return received;
}
