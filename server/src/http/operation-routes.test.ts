import { afterEach, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";

let http: TestHttp | undefined;
afterEach(() => http?.[Symbol.asyncDispose]());

test("/health says that the process lives, whatever its dependencies do", async () => {
  const required = { database: () => Promise.reject(new Error("down")) };
  http = await openHttp({ dependencies: { required, optional: {} } });
  const answer = await http.call("GET", "/health");
  expect([answer.status, answer.json()]).toEqual([
    200,
    { message: "OM Messenger is running", status: "ok", version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
  ]);
  expect((await http.call("GET", "/HEALTH/")).status).toBe(200);
});

test("/ready is 200 when everything is usable that is needed, and tells of the rest", async () => {
  const required = { database: async () => undefined };
  const optional = { redis: () => Promise.reject(new Error("secret text")), storage: async () => undefined };
  http = await openHttp({ dependencies: { required, optional } });
  const answer = await http.call("GET", "/ready");
  const states = { dependencies: { database: "ok" }, optional: { redis: "unavailable", storage: "ok" } };
  expect([answer.status, answer.json()]).toEqual([200, { status: "ok", ...states }]);
});

test("/ready is 503 with the state of each, when one fails, throws or hangs; reasons stay inside", async () => {
  http = await openHttp({
    dependencies: {
      optional: {},
      required: {
        good: async () => undefined,
        failing: () => Promise.reject(new Error("secret text")),
        throwing: () => {
          throw new Error("secret text");
        },
        hanging: () => new Promise(() => undefined),
      },
    },
  });
  const answer = await http.call("GET", "/ready");
  const dependencies = { good: "ok", failing: "unavailable", throwing: "unavailable", hanging: "unavailable" };
  expect([answer.status, answer.json()]).toEqual([503, { status: "unavailable", dependencies, optional: {} }]);
});

test("/metrics is Prometheus text for this machine, not for whoever came through a proxy", async () => {
  http = await openHttp();
  const answer = await http.call("GET", "/metrics");
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(answer.text).toContain("# TYPE om_http_requests_total counter");
  expect(answer.text).toContain("process_cpu_seconds_total");
  for (const [name, value] of [
    ["x-forwarded-for", "127.0.0.1"],
    ["X-Forwarded-Proto", "https"],
    ["x-real-ip", "127.0.0.1"],
    ["forwarded", "for=127.0.0.1"],
    ["via", "1.1 proxy"],
    ["cf-connecting-ip", "127.0.0.1"],
    // A page that reaches this machine by a name of its own.
    ["host", "evil.example"],
  ] as const) {
    const proxied = await http.call("GET", "/metrics", { headers: { [name]: value } });
    expect([name, proxied.status]).toEqual([name, 403]);
  }
});

test("B7: with a public https address every answer says to use nothing else", async () => {
  http = await openHttp({ env: { PUBLIC_API_BASE_URL: "https://chat.example.org/api" } });
  for (const path of ["/health", "/nothing", "/api/users/me"]) {
    expect((await http.call("GET", path)).headers["strict-transport-security"]).toBe("max-age=31536000");
  }
  await http[Symbol.asyncDispose]();
  http = await openHttp({ env: { PUBLIC_API_BASE_URL: "http://chat.example.org/api" } });
  expect((await http.call("GET", "/health")).headers["strict-transport-security"]).toBeUndefined();
});

test("/metrics with METRICS_TOKEN asks everybody for it", async () => {
  http = await openHttp({ env: { METRICS_TOKEN: "scrape" } });
  const status = async (headers: Record<string, string>) => (await http?.call("GET", "/metrics", { headers }))?.status;
  expect(await status({})).toBe(403);
  expect(await status({ authorization: "Bearer scrap" })).toBe(403);
  expect(await status({ authorization: "Bearer scrape", "x-forwarded-for": "203.0.113.1" })).toBe(200);
});
