import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";

let http: TestHttp;
beforeAll(async () => (http = await openHttp()));
afterAll(() => http[Symbol.asyncDispose]());

const get = (path: string, headers: Record<string, string> = {}) => http.call("GET", path, { headers });

test("the page is at every address inside it, runs nothing but our own files, and is asked for again each time", async () => {
  const page = await get("/");
  expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  const policy = page.headers["content-security-policy"]?.toString() ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).not.toContain("unsafe");
  expect(page.headers["cache-control"]).toBe("no-cache");
  expect(page.bytes.toString()).not.toMatch(/<style|<script(?![^>]* src="\/assets\/)| on\w+=/);
  for (const path of ["/c/user_7", "/c/group_7/12", "/join/abc", "/reset/abc"])
    expect((await get(path)).bytes).toEqual(page.bytes);
  const again = await get("/", { "if-none-match": page.headers.etag ?? "" });
  expect([again.status, again.bytes.length]).toEqual([304, 0]);
});

test("its files carry a hash in their names, are kept for ever, and go out compressed to whoever takes that", async () => {
  const page = (await get("/")).bytes.toString();
  const names = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, name]) => name ?? "");
  expect(names.map((name) => name.replace(/.*\./, "")).toSorted()).toEqual(["css", "js"]);
  for (const name of names) {
    const plain = await get(name, { "accept-encoding": "identity" });
    expect([plain.status, plain.headers["cache-control"]]).toEqual([200, "public, max-age=31536000, immutable"]);
    for (const [encoding, unpack] of [
      ["br", brotliDecompressSync],
      ["gzip", gunzipSync],
    ] as const) {
      const packed = await get(name, { "accept-encoding": encoding });
      expect(packed.headers["content-encoding"]).toBe(encoding);
      expect(unpack(packed.bytes).equals(plain.bytes)).toBe(true);
      // The first load stays small.
      expect(packed.bytes.length).toBeLessThan((name.endsWith(".js") ? 170 : 20) * 1024);
    }
  }
});
