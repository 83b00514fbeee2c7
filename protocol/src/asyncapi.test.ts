import specifications from "@asyncapi/specs";
import { Ajv, type AnySchema } from "ajv";
import { expect, test } from "vitest";
import { asyncApiDocument } from "./asyncapi.ts";
import { closeCodes } from "./close-codes.ts";
import { inboundFrames, OutboundFrame, wsQuery } from "./frames.ts";
import type { Json } from "./schema-names.ts";
import { asDefinitions, references, resolve } from "./testing/references.ts";

const document = asyncApiDocument({ version: "7", serverUrl: "https://chat.example.org/om" });
const components = document["components"] as Record<string, Record<string, Json>>;
const channel = (document["channels"] as Record<string, Json>)["ws"] ?? {};

/** The published schema says nothing about what a `$ref` points at; the test of references does. */
const fits = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false }).compile(
  specifications.schemas["3.0.0"] as AnySchema,
);

test("the document fits the published schema of AsyncAPI 3.0", () => {
  expect(fits(document), JSON.stringify(fits.errors)).toBe(true);
  expect(fits(asyncApiDocument({ version: "7" })), JSON.stringify(fits.errors)).toBe(true);
  expect(fits({ ...document, channels: { ws: { address: 7 } } })).toBe(false);
});

test("every reference resolves, and every named schema is referred to", () => {
  const found = new Set(references(document));
  for (const ref of found) expect(resolve(document, ref), ref).toBeDefined();
  const named = Object.keys(components["schemas"] ?? {}).map((name) => `#/components/schemas/${name}`);
  expect(named.filter((ref) => !found.has(ref))).toEqual([]);
});

test("every frame is one message of the operation that has its direction", () => {
  const names = (operation: string): unknown[] =>
    ((document["operations"] as Record<string, { messages: { $ref: string }[] }>)[operation]?.messages ?? []).map(
      ({ $ref }) => (resolve(document, String((resolve(document, $ref) as Json)["$ref"])) as Json)["name"],
    );
  expect(names("fromClient")).toEqual(Object.keys(inboundFrames));
  expect(names("toClient")).toEqual(OutboundFrame.anyOf.map((frame) => frame.properties.type.const));
});

test("a frame's schema takes the frame and refuses another", () => {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true });
  ajv.addSchema(asDefinitions({ ...components["schemas"], ...components["messages"] }));
  const takes = (name: string, frame: unknown): boolean => {
    const check = ajv.getSchema(`wire#/$defs/${name}/payload`);
    if (check === undefined) throw new Error(`${name} is missing`);
    return check(frame) === true;
  };
  expect(takes("client_typing", { type: "typing", payload: { recipient_id: 7, is_typing: true } })).toBe(true);
  expect(takes("client_typing", { type: "typing", payload: null })).toBe(true);
  expect(takes("client_typing", { type: "typing" })).toBe(false);
  expect(takes("client_typing", { type: "chat", payload: null })).toBe(false);
  expect(takes("server_pong", { type: "pong" })).toBe(true);
  expect(takes("server_error", { type: "error", error: "Invalid status", code: "invalid_status" })).toBe(true);
  expect(takes("server_error", { type: "error", error: "Invalid status", code: "made_up" })).toBe(false);
});

test("query parameters, close codes and the server's address are there", () => {
  const { ws } = channel["bindings"] as { ws: { query: { properties: Json } } };
  expect(Object.keys(ws.query.properties)).toEqual(Object.values(wsQuery));
  expect(channel["x-close-codes"]).toEqual(Object.values(closeCodes));
  expect(document["servers"]).toEqual({ main: { host: "chat.example.org", protocol: "wss", pathname: "/om" } });
});
