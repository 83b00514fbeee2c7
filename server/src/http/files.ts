import { once } from "node:events";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FileResponse } from "../platform/file-response.ts";

/** How long a client may take nothing of a file before it is given up, in ms. */
const stallTimeoutMs = 60_000;

/** A file never changes under its name, so it may be kept for ever; a matching tag, or date without a tag, gets 304. */
export async function sendFile(
  file: FileResponse,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const known = isNotModified(file, request);
  const content = known || request.method === "HEAD" ? undefined : await file.open();
  // A file that cannot be read fails here, before anything is promised.
  if (content !== undefined) await once(content, "readable");
  void reply
    .header("etag", file.etag)
    .header("last-modified", file.lastModified.toUTCString())
    .header("cache-control", "private, max-age=31536000, immutable")
    .header("content-security-policy", "default-src 'none'; sandbox");
  if (known) return reply.code(304).send();
  void reply.header("content-type", file.type).header("content-length", file.size);
  if (file.downloadAs !== undefined) {
    void reply.header("content-disposition", `attachment; filename="${file.downloadAs}"`);
  }
  reply.raw.setTimeout(stallTimeoutMs);
  // Fastify keeps the length of a HEAD answer only beside a stream.
  return reply.send(content ?? Readable.from([]));
}

function isNotModified({ etag, lastModified }: FileResponse, { headers }: FastifyRequest): boolean {
  const tags = headers["if-none-match"];
  if (tags !== undefined) {
    return tags.split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//i, "")));
  }
  const since = Date.parse(headers["if-modified-since"] ?? "");
  return Math.floor(lastModified.getTime() / 1000) * 1000 <= since;
}
