import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { matchesEtag, sendText } from "./responses.ts";

/** Addresses inside the web client; each gets its page, which finds out the rest. */
export const pagePaths = ["/", "/c/*", "/join/:token", "/reset/:token"] as const;

const built = fileURLToPath(new URL("../../../web/dist/", import.meta.url));
const types: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};
/** What runs, looks and loads is our own; pictures and sounds are also made in the page before they are sent. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

interface WebFile {
  bytes: Buffer;
  type: string;
  tag: string;
  br: Buffer | undefined;
  gzip: Buffer | undefined;
  /** Its name says what is in it. */
  isHashed: boolean;
}

/** The web client, as it was built when the server started: a running page finds its files whatever is built meanwhile. */
export function addWebRoutes(app: FastifyInstance): void {
  const files = readFiles();
  for (const [name, file] of files) {
    if (name !== "index.html") app.get(`/${name}`, (request, reply) => sendWebFile(file, request, reply));
  }
  const page = files.get("index.html");
  for (const path of pagePaths) {
    app.get(path, (request, reply) => {
      if (page !== undefined) return sendWebFile(page, request, reply);
      return sendText(
        reply,
        503,
        "OM Messenger is running. Its web client is not built: run node run.js and start again.",
      );
    });
  }
}

function readFiles(): Map<string, WebFile> {
  if (!existsSync(join(built, "index.html"))) return new Map();
  const names = readdirSync(built, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const read = (name: string): Buffer | undefined =>
    names.includes(name) ? readFileSync(join(built, name)) : undefined;
  return new Map(
    names.flatMap((name) => {
      const type = types[extname(name)];
      const bytes = type === undefined ? undefined : read(name);
      if (type === undefined || bytes === undefined) return [];
      const tag = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
      const isHashed = name.startsWith("assets/");
      return [[name, { bytes, type, tag, br: read(`${name}.br`), gzip: read(`${name}.gz`), isHashed }]];
    }),
  );
}

function sendWebFile(file: WebFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply
    .header("etag", `"${file.tag}"`)
    .header("cache-control", file.isHashed ? "public, max-age=31536000, immutable" : "no-cache")
    .header("vary", "accept-encoding")
    .header("content-security-policy", policy);
  if (matchesEtag(request, file.tag)) return reply.code(304).send();
  const accepted = request.headers["accept-encoding"]?.toString() ?? "";
  const [encoding, bytes] =
    file.br !== undefined && /\bbr\b/.test(accepted)
      ? ["br", file.br]
      : file.gzip !== undefined && /\bgzip\b/.test(accepted)
        ? ["gzip", file.gzip]
        : ["", file.bytes];
  if (encoding !== "") void reply.header("content-encoding", encoding);
  return reply.header("content-type", file.type).send(bytes);
}
