import { beforeEach, expect, test } from "vitest";
import { DatabaseUnavailable } from "../postgres/database.ts";
import { createTelemetry } from "./telemetry.ts";

let clock: number;
let lines: Record<string, unknown>[];
beforeEach(() => {
  clock = 1_000_000;
  lines = [];
});

function telemetry(logLevel = "info") {
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return createTelemetry({ logLevel, logFrameSizes: false, now: () => clock, destination: { write } });
}
const told = (): unknown[] => lines.map(({ level, msg }) => [level, msg]);

test("a database that goes is one line, and one when it is back; what fails meanwhile is counted, not told", async () => {
  const { database, failure, http, metrics } = telemetry();
  const refused = Object.assign(new Error(""), { code: "ECONNREFUSED" });
  for (let second = 0; second < 90; second++) {
    clock += 1_000;
    database.lost(refused);
    failure("last seen", new DatabaseUnavailable(refused));
    http.failed({ id: "1", route: "me" }, new DatabaseUnavailable(refused));
  }
  expect(told()).toEqual([["error", "the database is away: ECONNREFUSED"]]);
  database.back();
  database.back();
  expect(told().slice(1)).toEqual([["info", "the database answers again"]]);
  const text = await metrics.registry.metrics();
  for (const where of ["database", "last seen", "http me"]) {
    expect(text).toContain(`om_failures_total{where="${where}"} 90`);
  }
});

test("what went wrong elsewhere is told with its stack, once a second and place at most", () => {
  const { failure } = telemetry();
  for (let i = 0; i < 5; i++) failure("purge", new Error("a defect"), { user: 7 });
  failure("other", new Error("a defect"));
  clock += 1_000;
  failure("purge", new Error("a defect"));
  expect(lines.map(({ where }) => where)).toEqual(["purge", "other", "purge"]);
  expect(lines[0]).toMatchObject({ level: "error", user: 7, err: { message: "a defect" } });
  expect((lines[0] as { err: { stack: string } }).err.stack).toContain("telemetry.test");
});

test("probes are told at debug, other requests with who asked", () => {
  const asked = () => ({ method: "GET", path: "/x", ip: "203.0.113.7", user: 7, session: 9 });
  for (const logLevel of ["info", "debug"]) {
    const { http } = telemetry(logLevel);
    for (const route of ["/health", "/ready", "/metrics", "me"])
      http.answered({ id: "1", route, status: 200, ms: 1.23 }, asked);
  }
  expect(lines.map(({ level, route }) => [level, route])).toEqual([
    ["info", "me"],
    ["debug", "/health"],
    ["debug", "/ready"],
    ["debug", "/metrics"],
    ["info", "me"],
  ]);
  expect(lines[0]).toMatchObject({ request: "1", ip: "203.0.113.7", user: 7, session: 9, status: 200, ms: 1.2 });
});

test("an origin that is refused is named, once a minute, and a proxy that is not trusted once", () => {
  const { refusedOrigin, http } = telemetry();
  for (let i = 0; i < 3; i++) {
    refusedOrigin("https://evil.example");
    http.notTrusted("10.0.0.1");
  }
  refusedOrigin("https://other.example");
  expect(lines.map(({ kind, level, origin }) => [kind, level, origin])).toEqual([
    ["security", "warn", "https://evil.example"],
    [undefined, "warn", undefined],
    ["security", "warn", "https://other.example"],
  ]);
  expect(lines[1]?.["msg"]).toMatch(/^10\.0\.0\.1 sends X-Forwarded-For and is not in TRUST_PROXY/);
});
