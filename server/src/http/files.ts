import { once } from "node:events";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ByteRange, FileResponse } from "../platform/file-response.ts";
import { OmError } from "../platform/om-error.ts";

/**
 * A file never changes under its name, so its reader may keep it for ever; a matching tag, or date without a tag, gets 304. Of a Range one
 * piece is answered, as a resumed download and a player ask for it; a list of pieces gets the whole.
 * @throws OmError `range_not_satisfiable`, and what opening it throws
 */
export async function sendFile(
  file: FileResponse,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const known = isNotModified(file, request);
  const range = known || request.method === "HEAD" ? "all" : rangeOf(file, request);
  if (range === "none") {
    void reply.header("content-range", `bytes */${file.size}`);
    throw new OmError("range_not_satisfiable");
  }
  const piece = range === "all" ? undefined : range;
  const content = known || request.method === "HEAD" ? undefined : await file.open(piece);
  // A file that cannot be read fails here, before anything is promised.
  if (content !== undefined) await once(content, "readable");
  void reply
    .header("etag", file.etag)
    .header("last-modified", file.lastModified.toUTCString())
    .header("cache-control", "private, max-age=31536000, immutable")
    .header("content-security-policy", "default-src 'none'; media-src 'self'; sandbox")
    .header("accept-ranges", "bytes");
  if (known) return reply.code(304).send();
  if (piece !== undefined)
    void reply.code(206).header("content-range", `bytes ${piece.start}-${piece.end}/${file.size}`);
  const size = piece === undefined ? file.size : piece.end - piece.start + 1;
  void reply.header("content-type", file.type).header("content-length", size);
  if (file.downloadAs !== undefined) {
    void reply.header("content-disposition", `attachment; filename="${file.downloadAs}"`);
  }
  // Fastify keeps the length of a HEAD answer only beside a stream.
  return reply.send(content ?? Readable.from([]));
}

function isNotModified({ etag, lastModified }: FileResponse, { headers }: FastifyRequest): boolean {
  const tags = headers["if-none-match"];
  if (tags !== undefined) {
    return tags.split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//i, "")));
  }
  const since = Date.parse(headers["if-modified-since"] ?? "");
  return wholeSeconds(lastModified) <= since;
}

/** The piece that is wanted; "none" when it begins behind the end; "all" without a Range that is understood, or when the file is another by now. */
function rangeOf({ size, etag, lastModified }: FileResponse, { headers }: FastifyRequest): ByteRange | "all" | "none" {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range?.trim() ?? "") ?? [];
  if (first === "" && last === "") return "all";
  const condition = headers["if-range"]?.toString();
  if (condition !== undefined && condition !== etag && Date.parse(condition) !== wholeSeconds(lastModified))
    return "all";
  // Without a first byte it is the number of the last ones.
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < start) return "all";
  return start > end ? "none" : { start, end };
}

/** As HTTP dates tell it, in ms. */
function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000;
}
