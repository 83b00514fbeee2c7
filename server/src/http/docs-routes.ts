import { createHash } from "node:crypto";
import { protocolVersion } from "@om/protocol";
import { asyncApiDocument } from "@om/protocol/asyncapi";
import { openApiDocument } from "@om/protocol/openapi";
import type { FastifyInstance } from "fastify";
import { matchesEtag } from "./responses.ts";
import { docsPage } from "./docs-page.ts";
import { docsStyle } from "./docs-style.ts";

/** The protocol for people and for machines: `/docs`, `/docs/openapi.json`, `/docs/asyncapi.json`, rendered here and once. */
export function addDocsRoutes(app: FastifyInstance, { publicApiBaseUrl }: { publicApiBaseUrl: string }): void {
  const address = publicApiBaseUrl === "" ? {} : { serverUrl: publicApiBaseUrl.replace(/\/api$/, "") };
  const options = { version: String(protocolVersion), ...address };
  serve(app, "/docs", "text/html; charset=utf-8", () => docsPage(openApiDocument(options), asyncApiDocument(options)));
  serve(app, "/docs/openapi.json", "application/json", () => JSON.stringify(openApiDocument(options), null, 2));
  serve(app, "/docs/asyncapi.json", "application/json", () => JSON.stringify(asyncApiDocument(options), null, 2));
}

/** Nothing may be loaded; the one style is known by its hash. */
const policy = `default-src 'none'; style-src 'sha256-${sha256(docsStyle, "base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** @param render called for the first request: at the start nobody waits for it */
function serve(app: FastifyInstance, path: string, type: string, render: () => string): void {
  let page: { bytes: Buffer; tag: string } | undefined;
  app.get(path, (request, reply) => {
    page ??= pageOf(render());
    const { bytes, tag } = page;
    void reply.header("etag", `"${tag}"`).header("cache-control", "no-cache").header("content-security-policy", policy);
    return matchesEtag(request, tag) ? reply.code(304).send() : reply.header("content-type", type).send(bytes);
  });
}

function pageOf(text: string): { bytes: Buffer; tag: string } {
  return { bytes: Buffer.from(text), tag: sha256(text, "base64url").slice(0, 22) };
}

function sha256(text: string, encoding: "base64" | "base64url"): string {
  return createHash("sha256").update(text).digest(encoding);
}
