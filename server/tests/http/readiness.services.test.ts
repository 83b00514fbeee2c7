import { expect, test } from "vitest";
import { startTestServer } from "../fixtures/test-server.ts";

const optional = { storage: "ok" };
const outage = { status: "unavailable", dependencies: { database: "unavailable" }, optional };

test("while PostgreSQL is gone: /ready is 503, /health is 200, calls are 503 with Retry-After; and all is well when it is back", async () => {
  await using server = await startTestServer({ database: "postgres" });
  const nika = await server.register("nika");
  const ready = async () => {
    const answer = await server.request("GET", "/ready");
    return [answer.status, answer.json()];
  };
  expect(await ready()).toEqual([200, { status: "ok", dependencies: { database: "ok" }, optional }]);

  await server.postgres?.kill();
  expect(await ready()).toEqual([503, outage]);
  expect((await server.request("GET", "/health")).status).toBe(200);
  const login = { email: "nika@example.org", password: "password of nika" };
  const calls = [
    server.request("GET", "/api/users/me", { token: nika.access }),
    server.request("POST", "/api/auth/login", { body: login }),
    server.request("POST", "/api/auth/refresh", { cookie: nika.cookie }),
    server.request("POST", "/api/auth/register", { body: { ...login, username: "nika2", email: "nika2@x" } }),
    server.request("GET", "/api/users/check-username?username=nika2"),
  ];
  for (const answer of await Promise.all(calls)) {
    expect([answer.status, answer.json()["code"], answer.headers["retry-after"]]).toEqual([503, "unavailable", "1"]);
    expect(answer.text).not.toMatch(/ECONN|postgres|sql/i);
  }
  // A client that logs out forgets its tokens whatever we answer.
  const logout = await server.request("POST", "/api/auth/logout", { cookie: "om_refresh=x" });
  expect([logout.status, logout.cookies.length]).toEqual([200, 2]);
  const metrics = await server.request("GET", "/metrics");
  expect(metrics.text).toMatch(/^om_failures_total\{where="database"\} [1-9]/m);

  await server.postgres?.start();
  expect(await ready()).toEqual([200, { status: "ok", dependencies: { database: "ok" }, optional }]);
  // Neither the failed refresh nor the failed calls cost the session anything.
  const renewed = await server.request("POST", "/api/auth/refresh", { cookie: nika.cookie });
  expect(renewed.status).toBe(200);
  expect((await server.request("POST", "/api/auth/login", { body: login })).status).toBe(200);
});

test("with PostgreSQL and no JWT_SECRET the start is refused with the way to make one", async () => {
  const start = startTestServer({ env: { JWT_SECRET: "", DATABASE_URL: "postgresql://om:hunter2@127.0.0.1:1/om" } });
  await expect(start).rejects.toThrow(/^JWT_SECRET is not set.*openssl rand -base64 48$/);
});

test("with a database that cannot be reached the start is refused, without its password", async () => {
  const start = startTestServer({ env: { DATABASE_URL: "postgresql://om:hunter2@127.0.0.1:1/om" } });
  const error = await start.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).not.toContain("hunter2");
});
