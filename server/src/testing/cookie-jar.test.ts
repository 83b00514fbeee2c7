import { expect, test } from "vitest";
import { createCookieJar } from "./cookie-jar.ts";

const clock = { now: Date.parse("2026-03-04T05:06:07Z") };
const expires = new Date(clock.now + 1_000).toUTCString();

test("a cookie goes where its domain reaches, until it expires", () => {
  const jar = createCookieJar(() => clock.now);
  jar.take("app.example.org", `a=1; expires=${expires}; domain=example.org; path=/; HttpOnly; secure; SameSite=Lax`);
  jar.take("app.example.org", "b=2; path=/");
  jar.take("app.example.org", "c=3; domain=elsewhere.org; path=/");
  expect(["app", "ws"].map((name) => jar.header(`${name}.example.org`))).toEqual(["a=1; b=2", "a=1"]);
  expect(jar.header("badexample.org")).toBe("");
  expect([jar.readable("app.example.org", "a"), jar.readable("app.example.org", "b")]).toEqual([undefined, "2"]);
  jar.take("app.example.org", "a=; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=example.org; path=/; HttpOnly");
  expect(jar.value("app.example.org", "a")).toBeUndefined();
  jar.take("app.example.org", `a=4; expires=${expires}; domain=example.org`);
  expect(jar.value("ws.example.org", "a")).toBe("4");
  clock.now += 1_001;
  expect(jar.value("ws.example.org", "a")).toBeUndefined();
});
