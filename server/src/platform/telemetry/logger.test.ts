import { expect, test } from "vitest";
import { createLogger, redactUrl } from "./logger.ts";

function logged(...line: [object, string]): string {
  let text = "";
  createLogger("info", { write: (chunk) => void (text += chunk) }).info(...line);
  return text;
}

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjo3fQ.c2lnbmF0dXJl";

test("no secret is logged, by key, in a nested object, in a text or in an error", () => {
  const lines = [
    logged({ token: "s3cret", password: "s3cret", cookie: "s3cret", authorization: "s3cret" }, "x"),
    logged({ request: { headers: { cookie: "s3cret" }, refresh_token: "s3cret", "set-cookie": "s3cret" } }, "x"),
    logged({ url: `/ws?gzip=1&token=s3cret&b=1` }, `GET /ws?token=s3cret`),
    logged({ err: new Error(`failed at /ws?token=s3cret with ${jwt}`) }, `caller ${jwt}`),
  ];
  for (const line of lines) {
    expect(line).not.toContain("s3cret");
    expect(line).not.toContain("c2lnbmF0dXJl");
    expect(line).toContain("[redacted]");
    expect(() => void JSON.parse(line)).not.toThrow();
  }
});

test.each([
  ["/api/users/search?q=abc", "/api/users/search?q=abc"],
  ["/ws?token=a.b.c&gzip=1", "/ws?token=[redacted]&gzip=1"],
  ["/ws?gzip=1&%74oken=a.b.c", "/ws?gzip=1&%74oken=[redacted]"],
  ["/ws?TOKEN=a&token=b?token=c", "/ws?TOKEN=[redacted]&token=[redacted]"],
  ["/ws", "/ws"],
])("%s is logged as %s", (url, shown) => expect(redactUrl(url)).toBe(shown));
