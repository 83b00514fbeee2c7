import { runInNewContext } from "node:vm";
import { closeCodes, errors, inboundFrames, OutboundFrame, protocolVersion, routes } from "@om/protocol";
import { asyncApiDocument } from "@om/protocol/asyncapi";
import { openApiDocument } from "@om/protocol/openapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { parseName } from "../accounts/names.ts";
import { docsScript } from "./docs-page.ts";

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

  test.each(
    ["", "/openapi.json", "/asyncapi.json", "/start.js", "/swagger-ui.js", "/swagger-ui.css"].map(
      (name) => `/docs${name}`,
    ),
  )("%s is cached by its tag", async (path) => {
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

  test("the page loads only our own files, and its policy allows no inline script, no inline style and no eval", async () => {
    const { headers, text } = await http.call("GET", "/docs");
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(text).not.toMatch(/<style|<script>|\sstyle=|\son\w+=/i);
    const loaded = [...text.matchAll(/(?:src|rel="stylesheet" href)="([^"]+)"/g)].map(([, path = ""]) => path);
    expect(loaded).toEqual(["/docs/swagger-ui.css", "/docs/swagger-ui.js", "/docs/start.js"]);
    for (const path of loaded) {
      const file = await http.call("GET", path);
      expect([file.status, file.headers["content-type"]], path).toEqual([
        200,
        expect.stringMatching(/^text\/(css|javascript)/),
      ]);
    }
  });
});

/** What the filter needs of the page's immutable collections. */
class Collection {
  readonly #values: Record<string, unknown>;
  constructor(values: Record<string, unknown>) {
    this.#values = values;
  }
  get size(): number {
    return Object.keys(this.#values).length;
  }
  keys = (): string[] => Object.keys(this.#values);
  get = (key: string): unknown => this.#values[key];
  getIn = ([key = "", ...rest]: string[]): unknown =>
    rest.length === 0 ? this.get(key) : (this.get(key) as Collection).getIn(rest);
  map = (change: (value: never) => unknown): Collection => this.#of(([key, value]) => [[key, change(value as never)]]);
  filter = (keep: (value: never) => boolean): Collection =>
    this.#of((entry) => (keep(entry[1] as never) ? [entry] : []));
  update = (key: string, change: (value: never) => unknown): Collection =>
    new Collection({ ...this.#values, [key]: change(this.#values[key] as never) });
  #of(change: (entry: [string, unknown]) => [string, unknown][]): Collection {
    return new Collection(Object.fromEntries(Object.entries(this.#values).flatMap(change)));
  }
}

test("the search finds routes by path, method, name and summary", () => {
  interface Options {
    url: string;
    tryItOutEnabled: boolean;
    plugins: [() => { fn: { opsFilter(tags: Collection, text: string): Collection } }];
  }
  let options: Options | undefined;
  runInNewContext(docsScript, { SwaggerUIBundle: (given: Options) => (options = given) });
  expect([options?.url, options?.tryItOutEnabled]).toEqual(["/docs/openapi.json", true]);
  const route = (method: string, path: string, operationId: string, summary: string): Collection =>
    new Collection({ method, path, operation: new Collection({ operationId, summary }) });
  const tags = new Collection({
    messages: new Collection({
      operations: new Collection({
        a: route("post", "/api/messages", "send", "Sends a message."),
        b: route("get", "/api/messages", "history", "A page."),
      }),
    }),
    groups: new Collection({
      operations: new Collection({ c: route("post", "/api/groups", "createGroup", "Makes a group.") }),
    }),
  });
  const found = (text: string): string[] => {
    const left = options?.plugins[0]().fn.opsFilter(tags, text) ?? tags;
    return left.keys().flatMap((tag) => (left.getIn([tag, "operations"]) as Collection).keys());
  };
  expect([found("MESSAGES"), found("post"), found("createg"), found("page"), found("nothing")]).toEqual([
    ["a", "b"],
    ["a", "c"],
    ["c"],
    ["b"],
    [],
  ]);
});

describe("the document for people", () => {
  interface Operation {
    description: string;
    requestBody?: { content: Record<string, { schema: { properties: Record<string, Record<string, unknown>> } }> };
  }
  const document = openApiDocument({ version, serverUrl: "https://chat.example.org" }) as unknown as {
    info: { description: string };
    paths: Record<string, Record<string, Operation>>;
  };

  test("has every frame, error and close code in words", () => {
    const socket = document.paths["/ws"]?.["get"]?.description ?? "";
    for (const name of Object.keys(inboundFrames)) expect(socket).toContain(`### ${name}\n`);
    for (const frame of OutboundFrame.anyOf) expect(socket).toContain(`### ${frame.properties.type.const}\n`);
    expect(socket).toContain("client_id?: string | null;");
    for (const { code } of Object.values(closeCodes)) expect(socket).toContain(`| ${code} |`);
    for (const code of Object.keys(errors)) expect(document.info.description).toContain(`| \`${code}\` |`);
  });

  test("has a line for curl at every route", () => {
    for (const [name, { path, method }] of Object.entries(routes)) {
      const operation =
        document.paths[path.replaceAll(/:(\w+)/g, "{$1}").replace(/\*$/, "{path}")]?.[method.toLowerCase()];
      expect(operation?.description, name).toMatch(/^```sh\ncurl (?:-X [A-Z]+ )?"https:\/\/chat\.example\.org\/api\//);
    }
    expect(document.paths["/api/messages"]?.["post"]?.description).toBe(
      [
        "```sh",
        `curl -X POST "https://chat.example.org/api/messages" \\`,
        '  -H "Authorization: Bearer $TOKEN" \\',
        "  -H 'Content-Type: application/json' \\",
        `  -d '{"recipient_id":2,"content":"hello","client_id":"0b6f4a52-7c1e-4d0a-9b1e-3f6f0a1c2d3e"}'`,
        "```",
      ].join("\n"),
    );
  });

  test("says of every text in a body how long it may be, or of what form", () => {
    const bodies = Object.values(document.paths).flatMap((path) => Object.values(path));
    for (const { requestBody } of bodies)
      for (const [name, field] of Object.entries(requestBody?.content["application/json"]?.schema.properties ?? {})) {
        if (![field["type"]].flat().includes("string")) continue;
        expect(
          ["maxLength", "pattern", "enum", "format"].some((rule) => rule in field),
          name,
        ).toBe(true);
      }
    const { properties } =
      document.paths["/api/auth/register"]?.["post"]?.requestBody?.content["application/json"]?.schema ?? {};
    expect(properties?.["email"]).toMatchObject({ format: "email", maxLength: 254 });
    const form = new RegExp(String(properties?.["username"]?.["pattern"]));
    for (const name of ["ab", "abc", "a".repeat(32), "a".repeat(33), "a b c", "A_9", "é́é́"])
      expect(form.test(name), name).toBe(parseName(name) === name);
  });
});
