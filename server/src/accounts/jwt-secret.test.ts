import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError } from "../config.ts";
import { jwtSecret } from "./jwt-secret.ts";

let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "om-secret-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a given secret is used and nothing is written", () => {
  expect(jwtSecret({ given: "x".repeat(32), dataDir: folder, embedded: true })).toBe("x".repeat(32));
  expect(readdirSync(folder)).toEqual([]);
});

test("with the embedded database a secret is made once, for its owner's eyes only", () => {
  const dataDir = join(folder, "data");
  const first = jwtSecret({ given: "", dataDir, embedded: true });
  expect(first).toMatch(/^[\w-]{64}$/);
  expect(jwtSecret({ given: "", dataDir, embedded: true })).toBe(first);
  expect(statSync(join(dataDir, "jwt-secret")).mode & 0o777).toBe(0o600);
  expect(readdirSync(dataDir)).toEqual(["jwt-secret"]);
});

test("a damaged file stops the start instead of signing with nothing", () => {
  writeFileSync(join(folder, "jwt-secret"), "");
  expect(() => jwtSecret({ given: "", dataDir: folder, embedded: true })).toThrow(ConfigError);
});

test("an external database without secret: one line that says how to make one", () => {
  const start = () => jwtSecret({ given: "", dataDir: join(folder, "data"), embedded: false });
  expect(start).toThrow(/^JWT_SECRET is not set.*openssl rand -base64 48$/);
  expect(existsSync(join(folder, "data"))).toBe(false);
});
