import { routes, type Route } from "@om/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHttp, type Answer, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { jsonText } from "../platform/json-text.ts";
import type { Handlers } from "../platform/route-handlers.ts";
import { operationPaths } from "./operation-routes.ts";
import { pagePaths } from "./web-routes.ts";

const all: { method: string; path: string; file: boolean }[] = [
  ...Object.values<Route>(routes).map(({ method, path, file }) => ({ method, path, file: file === true })),
  ...operationPaths.map((path) => ({ method: "GET", path, file: false })),
];
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/** One path of each pattern, with a text where a parameter stands. */
const sampleOf = (path: string): string => path.replaceAll(/:[a-z_]+/g, "x1").replace(/\*$/, "a/b");
const paths = [...new Set(all.map(({ path }) => sampleOf(path)))];

let http: TestHttp;
beforeAll(async () => {
  const answer = async () => jsonText('{"answered":true}');
  const handlers = Object.fromEntries(Object.keys(routes).map((name) => [name, answer])) as unknown as Handlers;
  http = await openHttp({ echo: true, env: { AVATAR_LIMIT: "0", ATTACHMENT_LIMIT: "0" }, handlers });
});
afterAll(() => http[Symbol.asyncDispose]());
const ask = (method: string, path: string): Promise<Answer> =>
  http.call(method, path, { headers: { authorization: "Bearer good" } });

describe("known path, wrong method: 405 with Allow", () => {
  test.each(paths)("%s", async (path) => {
    const answers = await Promise.all(methods.map(async (method) => ({ method, answer: await ask(method, path) })));
    const refused = answers.filter(({ answer }) => answer.status === 405);
    const answered = answers.filter((one) => !refused.includes(one)).map(({ method }) => method);
    const own = all.filter((route) => sampleOf(route.path) === path).map(({ method }) => method);
    for (const method of own) expect(answered).toContain(method);
    expect(answered.includes("HEAD")).toBe(answered.includes("GET"));
    for (const { method, answer } of refused) {
      expect(answer.text).toBe(method === "HEAD" ? "" : "Method Not Allowed");
      expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect((answer.headers.allow ?? "").split(", ").toSorted()).toEqual(answered.toSorted());
    }
    expect(refused.length).toBeGreaterThan(0);
  });
});

const gets = all.filter(({ method, file }) => method === "GET" && !file).map(({ path }) => sampleOf(path));
describe("HEAD answers on every GET route, with its status and no body", () => {
  test.each(gets)("%s", async (path) => {
    const [get, head] = [await ask("GET", path), await ask("HEAD", path)];
    expect([head.status, head.text]).toEqual([get.status, ""]);
    expect(head.headers["content-type"]).toBe(get.headers["content-type"]);
    expect(get.status === 200 || path === "/ws").toBe(true);
  });
});

describe("nobody on the way keeps an answer that is somebody's, errors included", () => {
  const pages: readonly string[] = pagePaths;
  const named = all.filter(({ file, path }) => !file && !path.startsWith("/docs") && !pages.includes(path));
  test.each(named.map(({ method, path }) => [method, path] as const))("%s %s", async (method, path) => {
    const expected =
      path === "/api/users/me" && method === "GET" ? "private, max-age=0, must-revalidate" : "private, no-store";
    expect((await ask(method, sampleOf(path))).headers["cache-control"]).toBe(expected);
    if (path.startsWith("/api")) {
      expect((await http.call(method, sampleOf(path))).headers["cache-control"]).toMatch(/^private/);
      expect((await ask("PATCH", sampleOf(path))).headers["cache-control"]).toBe("private, no-store");
    }
  });
});

describe("upper case and slashes at the end lead to the same route", () => {
  const named = all.filter(({ path, file }) => path !== "/" && !file);
  test.each(named.map(({ method, path }) => [method, sampleOf(path)] as const))("%s %s", async (method, path) => {
    const plain = await ask(method, path);
    expect(plain.status).not.toBe(404);
    for (const other of [path.toUpperCase(), `${path}/`, `${path.toUpperCase()}//`]) {
      const answer = await ask(method, other);
      expect([other, answer.status, answer.headers["content-type"]]).toEqual([
        other,
        plain.status,
        plain.headers["content-type"],
      ]);
    }
  });
});
