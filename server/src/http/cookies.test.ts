import { expect, test } from "vitest";
import { parseConfig } from "../config.ts";
import { createCookies, parseCookies } from "./cookies.ts";

const now = Date.UTC(2026, 2, 4, 5, 6, 7);
const cookies = (env: Record<string, string>) => createCookies(parseConfig(env), () => now);
const session = { access: "A", refresh: "R", csrf: "C" };

test("three cookies in order, attributes in order", () => {
  expect(cookies({}).session(session)).toEqual([
    "om_access=A; expires=Wed, 04 Mar 2026 05:21:07 GMT; path=/; HttpOnly; SameSite=Lax",
    "om_refresh=R; expires=Wed, 11 Mar 2026 05:06:07 GMT; path=/; HttpOnly; SameSite=Lax",
    "om_csrf=C; expires=Wed, 11 Mar 2026 05:06:07 GMT; path=/; SameSite=Lax",
  ]);
});

test.each<[Record<string, string>, string]>([
  [{ PUBLIC_API_BASE_URL: "https://chat.example.org/api" }, "path=/; HttpOnly; secure; SameSite=Lax"],
  [{ PUBLIC_API_BASE_URL: "http://chat.example.org/api" }, "path=/; HttpOnly; SameSite=Lax"],
  [{ COOKIE_SECURE: "true" }, "path=/; HttpOnly; secure; SameSite=Lax"],
  [{ COOKIE_DOMAIN: "example.org" }, "domain=example.org; path=/; HttpOnly; SameSite=Lax"],
  [{ COOKIE_SAMESITE: "strict" }, "path=/; HttpOnly; SameSite=Strict"],
  [{ COOKIE_SAMESITE: "none" }, "path=/; HttpOnly; secure; SameSite=None"],
  [{ COOKIE_SAMESITE: "disabled" }, "path=/; HttpOnly"],
])("settings %o", (env, attributes) => {
  const [access = ""] = cookies(env).session(session);
  expect(access.split("GMT; ")[1]).toBe(attributes);
});

test("logout clears two cookies, always with SameSite=Lax", () => {
  expect(cookies({ COOKIE_SAMESITE: "None", COOKIE_DOMAIN: "example.org" }).cleared()).toEqual(
    ["om_access", "om_refresh"].map(
      (name) =>
        `${name}=; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=example.org; path=/; HttpOnly; secure; SameSite=Lax`,
    ),
  );
});

test.each([
  [undefined, { access: "", refresh: "", csrf: "" }],
  ["om_access=a; om_csrf=c; x=y; om_refresh=r", { access: "a", refresh: "r", csrf: "c" }],
  ["om_access=first; om_access=second", { access: "first", refresh: "", csrf: "" }],
  [";;=;om_access;__proto__=x; om_csrf=%zz", { access: "", refresh: "", csrf: "%zz" }],
])("reads %s", (header, expected) => expect(parseCookies(header)).toEqual(expected));
