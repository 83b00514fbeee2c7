import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { redisEndpoint } from "./redis-endpoint.ts";
import { selfSigned } from "./testing/self-signed.ts";

const endpoint = (env: Record<string, string>) => redisEndpoint(parseConfig(env));
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
