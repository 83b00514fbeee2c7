import { createHash } from "node:crypto";
import { closeCodes, errors, inboundFrames, OutboundFrame, protocolVersion, routes } from "@om/protocol";
import { asyncApiDocument } from "@om/protocol/asyncapi";
import { openApiDocument, type Json } from "@om/protocol/openapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { docsPage } from "./docs-page.ts";
import { inline, openedHtml, schemaHtml } from "./docs-schema.ts";

const version = String(protocolVersion);
let http: TestHttp;
beforeAll(async () => {
  http = await openHttp();
});
afterAll(() => http[Symbol.asyncDispose]());

describe("what is served", () => {
  test("both documents as JSON", async () => {
    for (const [name, made] of [
      ["openapi", openApiDocument({ version })],
      ["asyncapi", asyncApiDocument({ version })],
    ] as const) {
      const answer = await http.call("GET", `/docs/${name}.json`);
      expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
      expect(answer.json()).toEqual(JSON.parse(JSON.stringify(made)));
    }
  });

  test("the operator's public address stands in the documents", async () => {
    await using set = await openHttp({ env: { PUBLIC_API_BASE_URL: "https://chat.example.org/om/api" } });
    const openApi = (await set.call("GET", "/docs/openapi.json")).json();
    expect(openApi["servers"]).toEqual([{ url: "https://chat.example.org/om" }]);
    const asyncApi = (await set.call("GET", "/docs/asyncapi.json")).json();
    expect(asyncApi["servers"]).toEqual({ main: { host: "chat.example.org", protocol: "wss", pathname: "/om" } });
  });

  test.each(["/docs", "/docs/openapi.json", "/docs/asyncapi.json"])("%s is cached by its tag", async (path) => {
    const first = await http.call("GET", path);
    const tag = first.headers.etag ?? "";
    expect(tag).toMatch(/^"[\w-]{22}"$/);
    const again = await http.call("GET", path, { headers: { "if-none-match": `W/${tag}` } });
    expect([again.status, again.text, again.headers.etag]).toEqual([304, "", tag]);
    expect((await http.call("GET", path, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
    const head = await http.call("HEAD", path);
    expect([head.status, head.text, head.headers.etag]).toEqual([200, "", tag]);
    const wrong = await http.call("POST", path);
    expect([wrong.status, wrong.headers.allow]).toEqual([405, "GET, HEAD"]);
  });

  test("the page may load nothing, and its one style is the one that the policy names", async () => {
    const { headers, text } = await http.call("GET", "/docs");
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    const [, style = ""] = /<style>([^]*?)<\/style>/.exec(text) ?? [];
    const hash = createHash("sha256").update(style).digest("base64");
    expect(headers["content-security-policy"]).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(text).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\ssrc=|\sstyle=|\son\w+=/i);
    expect(text).not.toMatch(/href="(?!#|\/docs\/)/);
    expect(style).toContain("prefers-color-scheme: dark");
    expect(text).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
  });

  test("the start page links to it", async () => {
    expect((await http.call("GET", "/")).text).toContain('<a href="/docs">');
  });
});

describe("the page", () => {
  const page = docsPage(openApiDocument({ version }), asyncApiDocument({ version }));
  const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);

  test("has every route, frame, error and close code", () => {
    for (const name of Object.keys(routes)) expect(ids).toContain(`route-${name}`);
    for (const name of Object.keys(inboundFrames)) expect(ids).toContain(`frame-client_${name}`);
    for (const frame of OutboundFrame.anyOf) expect(ids).toContain(`frame-server_${frame.properties.type.const}`);
    for (const code of Object.keys(errors)) expect(page).toContain(`<td><code>${code}</code></td>`);
    for (const { code } of Object.values(closeCodes)) expect(page).toContain(`<td>${code}</td>`);
  });

  test("every link leads somewhere, and no place has two names", () => {
    const missing = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id).filter((id) => !ids.includes(id));
    expect(missing).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("says of a route who may call it, what it takes and what it answers", () => {
    const [section = ""] = /<section id="route-send">[^]*?<\/section>/.exec(page) ?? [];
    const text = section.replaceAll(/<[^>]+>/g, "");
    expect(text).toContain("POST /api/messages\nSends a message");
    expect(text).toContain("Needs an access token.");
    expect(text).toContain("X-OM-CSRF");
    expect(text).toContain("Body\n{\n  recipient_id?: integer ≥ 0 | null\n  content?: string | null");
    expect(text).toContain("Answer 201\nMessage {\n  id: Id\n  client_id: string");
    expect(text).toContain("401 missing_access_token, invalid_access_token, invalid_authorization");
    expect(text).toContain("500 send_message_failed");
    expect(page).toMatch(/<section id="route-login">[^]*?Anybody may call it\.[^]*?<\/section>/);
  });

  test("escapes whatever stands in the documents", () => {
    const evil = `"><script>'&`;
    const schema = {
      properties: { [evil]: { enum: [evil], description: evil }, b: { const: evil }, c: { type: evil } },
      items: { $ref: `#/components/schemas/${evil}` },
      description: evil,
    };
    const content = { [evil]: { schema } };
    const openApi = {
      info: { title: evil, version: evil, description: evil },
      tags: [{ name: evil }],
      paths: {
        [evil]: {
          [evil]: {
            operationId: evil,
            tags: [evil],
            summary: evil,
            security: [],
            parameters: [{ name: evil, in: evil, required: true, description: evil }],
            requestBody: { content },
            responses: { 200: { description: evil, content }, [evil]: { description: evil, content } },
          },
        },
      },
      components: { schemas: { [evil]: schema, list: { items: schema.items } }, parameters: {} },
    };
    const query = { properties: { [evil]: { description: evil } } };
    const asyncApi = {
      channels: { ws: { address: evil, description: evil, bindings: { ws: { query } } } },
      components: { messages: { [`client_${evil}`]: { name: evil, summary: evil, payload: schema } }, schemas: {} },
    };
    const poisoned = docsPage(openApi, asyncApi);
    expect(poisoned.split("&lt;script&gt;").length).toBeGreaterThan(20);
    expect(poisoned).not.toMatch(/<script/i);
  });
});

describe("a schema as people write it", () => {
  const shown = (schema: Json): string => schemaHtml(schema).replaceAll(/<[^>]+>/g, "");

  test.each<[Json, string]>([
    [{}, "anything"],
    [{ type: "string" }, "string"],
    [{ contentMediaType: "application/octet-stream" }, "bytes"],
    [{ type: ["integer", "null"], minimum: 1 }, "integer ≥ 1 | null"],
    [{ const: "ack", type: "string" }, "&#34;ack&#34;"],
    [{ enum: ["a", "b"], type: "string" }, "&#34;a&#34; | &#34;b&#34;"],
    [{ type: "array", items: { $ref: "#/components/schemas/User" } }, "User[]"],
    [{ type: "array", items: { anyOf: [{ type: "string" }, { type: "null" }] } }, "(string | null)[]"],
    [{ type: "object", properties: {} }, "{}"],
    [
      {
        type: "object",
        required: ["a"],
        properties: { a: { type: "object", properties: { b: { type: "string", description: "Deep." } } } },
      },
      "{\n  a: {\n    b?: string Deep.\n  }\n}",
    ],
  ])("%j", (schema, text) => expect(shown(schema)).toBe(text));

  test("a named one links to its place, and shows what it is where that is asked for", () => {
    const named = { User: { type: "object", required: ["id"], properties: { id: { type: "integer" } } } };
    const link = '<a href="#part-User">User</a>';
    expect(schemaHtml({ $ref: "#/components/schemas/User" })).toBe(link);
    expect(openedHtml({ $ref: "#/components/schemas/User" }, named)).toBe(`${link} {\n  <b>id</b>: integer\n}`);
  });

  test("words in backticks are code, the rest is text", () => {
    expect(inline("`<a>` & <b>")).toBe("<code>&lt;a&gt;</code> &amp; &lt;b&gt;");
  });
});
