import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { protocolVersion } from "@om/protocol";
import { asyncApiDocument } from "@om/protocol/asyncapi";
import { openApiDocument } from "@om/protocol/openapi";
import type { FastifyInstance } from "fastify";
import { docsPage, docsScript } from "./docs-page.ts";
import { matchesEtag } from "./responses.ts";

/** The protocol for people and for machines: `/docs`, `/docs/openapi.json`, `/docs/asyncapi.json`, made here and once. */
export function addDocsRoutes(app: FastifyInstance, { publicApiBaseUrl }: { publicApiBaseUrl: string }): void {
  const address = publicApiBaseUrl === "" ? {} : { serverUrl: publicApiBaseUrl.replace(/\/api$/, "") };
  const options = { version: String(protocolVersion), ...address };
  const serve = server(app);
  serve("/docs", "text/html; charset=utf-8", () => docsPage);
  serve("/docs/openapi.json", "application/json", () => JSON.stringify(openApiDocument(options), null, 2));
  serve("/docs/asyncapi.json", "application/json", () => JSON.stringify(asyncApiDocument(options), null, 2));
  serve("/docs/start.js", "text/javascript; charset=utf-8", () => docsScript);
  serve("/docs/swagger-ui.js", "text/javascript; charset=utf-8", () => fileOf("swagger-ui-dist/swagger-ui-bundle.js"));
  serve("/docs/swagger-ui.css", "text/css; charset=utf-8", () => fileOf("swagger-ui-dist/swagger-ui.css"));
}

/** Only our own files, no inline script or style; pictures in the style sheet; requests that are tried go to this server. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function server(app: FastifyInstance) {
  /** @param content called for the first request: at the start nobody waits for it */
  return (path: string, type: string, content: () => string | Buffer): void => {
    let page: { bytes: Buffer; tag: string } | undefined;
    app.get(path, (request, reply) => {
      page ??= pageOf(content());
      const { bytes, tag } = page;
      void reply
        .header("etag", `"${tag}"`)
        .header("cache-control", "no-cache")
        .header("content-security-policy", policy);
      return matchesEtag(request, tag) ? reply.code(304).send() : reply.header("content-type", type).send(bytes);
    });
  };
}

function pageOf(content: string | Buffer): { bytes: Buffer; tag: string } {
  const bytes = Buffer.from(content);
  return { bytes, tag: createHash("sha256").update(bytes).digest("base64url").slice(0, 22) };
}

function fileOf(specifier: string): Buffer {
  return readFileSync(createRequire(import.meta.url).resolve(specifier));
}
