import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../config.ts";
import { parseRedisEndpoints } from "./redis-endpoint.ts";
import { selfSigned } from "../../tests/fixtures/self-signed.ts";

const place = (env: Record<string, string>) => parseRedisEndpoints(parseConfig(env));
const endpoint = (env: Record<string, string>) => {
  const found = place(env);
  return found?.kind === "standalone" ? found.endpoint : undefined;
};
const plain = { host: "localhost", port: 6379, username: "", password: "", db: 0, tls: undefined };

test("without settings there is none", () => {
  expect(endpoint({})).toBeUndefined();
  expect(endpoint({ REDIS_PASSWORD: "p", REDIS_DB: "1" })).toBeUndefined();
});

test.each([
  [{ REDIS_ADDR: "localhost" }, plain],
  [
    { REDIS_ADDR: "localhost:6380", REDIS_PASSWORD: "p", REDIS_DB: "1" },
    { ...plain, port: 6380, password: "p", db: 1 },
  ],
  [{ REDIS_ADDR: "[::1]:1" }, { ...plain, host: "::1", port: 1 }],
  [{ REDIS_URL: "redis://localhost", REDIS_ADDR: "elsewhere" }, plain],
  [
    { REDIS_URL: "redis://localhost/", REDIS_DB: "4", REDIS_PASSWORD: "p" },
    { ...plain, db: 4, password: "p" },
  ],
  [
    { REDIS_URL: "redis://:p%40%2F@localhost/0", REDIS_DB: "4", REDIS_PASSWORD: "q" },
    { ...plain, password: "p@/" },
  ],
  [
    { REDIS_URL: "redis://om@localhost:1/7", REDIS_PASSWORD: "p" },
    { ...plain, port: 1, username: "om", password: "p", db: 7 },
  ],
  [{ REDIS_URL: "rediss://om:p@localhost" }, { ...plain, username: "om", password: "p", tls: {} }],
])("%j", (env, expected) => expect(endpoint(env as Record<string, string>)).toEqual(expected));

test("the authority's file is read at the start, and what is wrong with it is told in one line", () => {
  const folder = mkdtempSync(join(tmpdir(), "om-ca-"));
  try {
    const file = join(folder, "ca.pem");
    const REDIS_URL = "rediss://localhost";
    expect(() => endpoint({ REDIS_URL, REDIS_CA_FILE: file })).toThrow(
      /^REDIS_CA_FILE: ".*ca\.pem" cannot be used: there is no such file; /,
    );
    writeFileSync(file, "garbage");
    expect(() => endpoint({ REDIS_URL, REDIS_CA_FILE: file })).toThrow(/cannot be used: it holds no certificate; /);
    const { cert } = selfSigned();
    writeFileSync(file, cert);
    expect(endpoint({ REDIS_URL, REDIS_CA_FILE: file })?.tls).toEqual({ ca: Buffer.from(cert) });
    expect(() => endpoint({ REDIS_ADDR: "localhost", REDIS_CA_FILE: file })).toThrow(
      "REDIS_CA_FILE: it needs a REDIS_URL",
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a cluster is named by one node or several; they share user, password and TLS", () => {
  const REDIS_CLUSTER = "true";
  const seed = (more: object) => ({ ...plain, inCluster: true, ...more });
  expect(place({ REDIS_CLUSTER, REDIS_ADDR: "a" })).toEqual({ kind: "cluster", seeds: [seed({ host: "a" })] });
  expect(place({ REDIS_CLUSTER, REDIS_ADDR: "a:1,[::1]:2", REDIS_PASSWORD: "p" })).toEqual({
    kind: "cluster",
    seeds: [seed({ host: "a", port: 1, password: "p" }), seed({ host: "::1", port: 2, password: "p" })],
  });
  const who = { username: "om", password: "a,b@/", tls: {} };
  expect(place({ REDIS_CLUSTER, REDIS_URL: "rediss://om:a,b%40%2F@a:1,b/0" })).toEqual({
    kind: "cluster",
    seeds: [seed({ ...who, host: "a", port: 1 }), seed({ ...who, host: "b" })],
  });
});

test("what cannot be is told in one line", () => {
  const REDIS_CLUSTER = "true";
  expect(() => place({ REDIS_ADDR: "a,b" })).toThrow(
    "REDIS_ADDR: several addresses are those of a cluster: set REDIS_CLUSTER=true",
  );
  expect(() => place({ REDIS_URL: "redis://a,b" })).toThrow(/^REDIS_URL: several addresses/);
  expect(() => place({ REDIS_CLUSTER, REDIS_ADDR: "a", REDIS_DB: "1" })).toThrow(
    "REDIS_DB: a cluster has no database 1; allowed with REDIS_CLUSTER: 0",
  );
  expect(() => place({ REDIS_CLUSTER, REDIS_URL: "redis://a/2" })).toThrow(/^REDIS_URL: a cluster has no database 2/);
  for (const REDIS_ADDR of ["a,", ",a", "a, b", "a,b:x"])
    expect(() => place({ REDIS_CLUSTER, REDIS_ADDR }), REDIS_ADDR).toThrow(/^REDIS_ADDR/);
  for (const hosts of ["a,", "u:p@,b", "a:1,b:x"]) {
    expect(() => place({ REDIS_CLUSTER, REDIS_URL: `redis://${hosts}` }), hosts).toThrow(/^REDIS_URL/);
  }
});
