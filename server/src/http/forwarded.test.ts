import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { plainForwarded } from "./forwarded.ts";

function clients(headers: Record<string, string>): unknown {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, headers);
  plainForwarded(request);
  return request.headers["x-forwarded-for"];
}

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["203.0.113.7:4711", "203.0.113.7"],
  [" 203.0.113.7 ,10.0.0.1:80", "203.0.113.7, 10.0.0.1"],
  ["2001:db8::7", "2001:db8::7"],
  ["[2001:db8::7]", "2001:db8::7"],
  ["[2001:db8::7]:4711", "2001:db8::7"],
  ['"[2001:db8::7]:4711"', "2001:db8::7"],
  ["fe80::1%eth0", "fe80::1"],
  ["::ffff:203.0.113.7", "::ffff:203.0.113.7"],
  ["unknown, 203.0.113.7", "unknown, 203.0.113.7"],
])("X-Forwarded-For: %s", (given, plain) => expect(clients({ "x-forwarded-for": given })).toBe(plain));

test.each([
  ["for=203.0.113.7", "203.0.113.7"],
  ['For="203.0.113.7:4711";proto=https;by=10.0.0.1', "203.0.113.7"],
  ['proto=https; for="[2001:db8::7]:4711" , for=10.0.0.1', "2001:db8::7, 10.0.0.1"],
  ["for=_hidden, for=unknown", "_hidden, unknown"],
  ["by=10.0.0.1;proto=http", undefined],
])("Forwarded: %s", (forwarded, plain) => expect(clients({ forwarded })).toBe(plain));

test("X-Forwarded-For counts where both stand, and nothing is made up", () => {
  expect(clients({ "x-forwarded-for": "203.0.113.7", forwarded: "for=198.51.100.1" })).toBe("203.0.113.7");
  expect(clients({})).toBeUndefined();
});
