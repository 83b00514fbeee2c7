import { routes, type Route } from "@om/protocol";
import fc from "fast-check";
import { bodyText, oddText, smallId, type Schema } from "./arbitrary-json.ts";
import { uploadBody } from "./arbitrary-files.ts";
import type { Content, Credentials, HttpInput } from "./inputs.ts";

const share = fc.double({ min: 0, max: 1, noNaN: true });
/** Nearly always the first. */
const mostly = <T>(usual: T, odd: fc.Arbitrary<T>, weight = 9): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd });

export const credentials: fc.Arbitrary<Credentials> = fc.record({
  as: fc.nat({ max: 4 }),
  by: fc.oneof(
    { weight: 8, arbitrary: fc.constant("bearer" as const) },
    { weight: 2, arbitrary: fc.constantFrom("cookie" as const, "nothing" as const, "broken" as const) },
  ),
});

/** Paths that no table of routes has. */
const operatorsPaths = [
  "/",
  "/health",
  "/ready",
  "/metrics",
  "/docs",
  "/openapi.json",
  "/docs/openapi.json",
  "/ws",
  "/nothing",
];
const oddPaths = fc.oneof(
  fc.constantFrom(
    "*",
    "//",
    "/api//messages",
    "/api/../metrics",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/api/media/avatars/..%2f..%2fetc/passwd",
  ),
  fc.constantFrom(
    "/%",
    "/%zz",
    "/api/users/%00",
    "/api/users/%ff%fe",
    "http://example.org/api/users/me",
    "/api/groups/1/members/%0d%0aX:1",
    "/a?".repeat(999),
  ),
  fc.nat({ max: 20_000 }).map((length) => `/api/users/${"a".repeat(length)}`),
  fc.webPath(),
);

const headerNames = [
  "x-forwarded-for",
  "forwarded",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-request-id",
  "origin",
  "host",
  "referer",
  "if-none-match",
  "if-range",
  "if-modified-since",
  "range",
  "accept",
  "accept-encoding",
  "accept-language",
  "content-type",
  "content-encoding",
  "content-length",
  "transfer-encoding",
  "expect",
  "upgrade",
  "connection",
  "cookie",
  "authorization",
  "x-csrf-token",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "te",
  "trailer",
  "x-http-method-override",
  "x-supports-gzip",
];
const headerValues = fc.oneof(
  fc.constantFrom(
    "",
    "null",
    "gzip",
    "br",
    "deflate, gzip",
    "identity",
    "gzip, gzip, gzip",
    "chunked",
    "chunked, gzip",
    "100-continue",
    "h2c",
    "websocket",
    "close",
    "keep-alive",
  ),
  fc.constantFrom(
    "bytes=0-",
    "bytes=-1",
    "bytes=5-2",
    "bytes=0-0,2-3",
    `bytes=${"0-1,".repeat(500)}2-3`,
    "bytes=99999999999999999999-",
    'W/"x"',
    "*",
    'for="[::1]:80";proto=https',
    "::ffff:1.2.3.4, unknown, _x",
  ),
  fc.constantFrom(
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    `multipart/form-data; boundary=${"x".repeat(300)}`,
    "application/x-www-form-urlencoded",
  ),
  fc.constantFrom(
    "Bearer",
    "Bearer  ",
    "Basic YTpi",
    `Bearer ${"a.".repeat(2_000)}b`,
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
    "om_access=x; om_refresh=%zz; om_csrf",
    `a=${"b; a=".repeat(900)}`,
  ),
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCodePoint(code)),
    maxLength: 40,
  }),
  fc.nat({ max: 20_000 }).map((length) => "v".repeat(length)),
);
const headers = fc.array(fc.tuple(fc.constantFrom(...headerNames), headerValues), { maxLength: 3 });

const parameterText = (name: string): fc.Arbitrary<string> =>
  name === "*"
    ? fc.oneof(
        fc.constantFrom("1/a.png", "a", "%2e%2e/x", "..%5cx", "1%00", "avatars/1"),
        fc.webPath().map((path) => path.slice(1)),
      )
    : fc.oneof(
        { weight: 4, arbitrary: smallId.map(String) },
        { weight: 1, arbitrary: oddText.map(encode) },
        { weight: 1, arbitrary: fc.uuid() },
      );

/** Percent-encoded; lone surrogates become what they are in UTF-8, which is none. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).slice(0, 4_000);
}

function target({ path, query }: Route): fc.Arbitrary<string> {
  const names = [...path.matchAll(/:(\w+)|\*/g)].map(([name, parameter]) => parameter ?? name);
  const filled = fc.tuple(...names.map(parameterText)).map((values) => {
    const left = [...values];
    return path.replaceAll(/:\w+|\*/g, () => left.shift() ?? "");
  });
  const known = Object.keys((query as Schema | undefined)?.properties ?? {});
  const value = fc.oneof(
    smallId.map(String),
    fc.constantFrom("user_1", "group_1", "user_1_2", "fuzz", "", "true", "%", "%00", "1e9", "-1", "NaN"),
    oddText.map(encode),
  );
  const pair = fc.tuple(fc.constantFrom(...known, ...(known.length === 0 ? ["q"] : ["limit", "__proto__[x]"])), value);
  const pairs = fc.array(pair, { maxLength: known.length + 1 });
  return fc.tuple(filled, pairs).map(([path, pairs]) => {
    const search = pairs.map(([name, value]) => `${name}=${value}`).join("&");
    return search === "" ? path : `${path}?${search}`;
  });
}

const packed = (texts: fc.Arbitrary<string>): fc.Arbitrary<{ body: Content; encoding?: string }> =>
  fc.oneof(
    { weight: 8, arbitrary: texts.map((text) => ({ body: { text } })) },
    {
      weight: 1,
      arbitrary: fc
        .record({
          text: texts,
          pack: fc.constantFrom("gzip" as const, "deflate" as const, "br" as const, "gzip twice" as const),
          keep: mostly(1, share, 2),
        })
        .chain((body) => fc.constantFrom(body.pack, "gzip", "x-unknown").map((encoding) => ({ body, encoding }))),
    },
  );

const all: readonly Route[] = Object.values(routes);

function ofRoute(route: Route): fc.Arbitrary<HttpInput> {
  const body =
    route.upload !== undefined
      ? uploadBody(route.upload.field)
      : packed(route.body === undefined ? mostly("", oddText, 5) : bodyText(route.body as Schema)).map(
          ({ body, encoding }) => ({
            body,
            headers: [
              ["content-type", "application/json"],
              ...(encoding === undefined ? [] : [["content-encoding", encoding]]),
            ] as [string, string][],
          }),
        );
  return fc
    .record({
      credentials,
      method: mostly(
        route.method as string,
        fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "FLY"),
        15,
      ),
      target: fc.oneof(
        { weight: 25, arbitrary: target(route) },
        { weight: 1, arbitrary: oddPaths },
        { weight: 1, arbitrary: fc.constantFrom(...operatorsPaths) },
      ),
      headers: mostly([], headers, 3),
      body: fc.option(body, { nil: undefined, freq: route.method === "GET" ? 1 : 9 }),
      length: mostly<HttpInput["length"]>(
        "right",
        fc.oneof(fc.constantFrom("chunks" as const, "none" as const), fc.nat({ max: 10 ** 9 })),
        12,
      ),
      sent: mostly(1, share, 12),
    })
    .map(({ credentials, body, headers, ...rest }) => ({
      kind: "http" as const,
      ...credentials,
      ...rest,
      headers: [...(body?.headers ?? []), ...headers],
      ...(body === undefined ? {} : { body: body.body }),
    }));
}

/** A request of any route, or nearly one. */
export const httpInput: fc.Arbitrary<HttpInput> = fc
  .constantFrom(...all.filter(({ upload }) => upload === undefined))
  .chain(ofRoute);
/** A request that brings a file, or nearly one. */
export const uploadInput: fc.Arbitrary<HttpInput> = fc
  .constantFrom(...all.filter(({ upload }) => upload !== undefined))
  .chain(ofRoute);
