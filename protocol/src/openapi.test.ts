import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { errors } from "./errors.ts";
import { openApiDocument } from "./openapi.ts";
import { features, routes, type Route } from "./routes.ts";
import type { Json } from "./schema-names.ts";
import { asDefinitions, references, resolve } from "./testing/references.ts";

interface Operation {
  operationId: string;
  tags: string[];
  security: Json[];
  parameters: (Json & { name?: string; in?: string })[];
  requestBody?: unknown;
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
}

const document = openApiDocument({ version: "7", serverUrl: "https://chat.example.org" });
const paths = document["paths"] as Record<string, Record<string, Operation>>;
const schemas = (document["components"] as Record<string, Record<string, Json>>)["schemas"] ?? {};
/** The rest of a path is a parameter like any other. */
const pathOf = ({ path }: Route): string => path.replace(/\*$/, ":path");
const operation = (route: Route): Operation => {
  const found = paths[pathOf(route).replaceAll(/:(\w+)/g, "{$1}")]?.[route.method.toLowerCase()];
  if (found === undefined) throw new Error(`${route.method} ${route.path} is missing`);
  return found;
};

/** The validator changes what it reads. */
const judged = (value: Json) => new Validator().validate(JSON.parse(JSON.stringify(value)) as Json);

test("the document fits the schema of OpenAPI 3.1", async () => {
  expect(await judged(document)).toMatchObject({ valid: true });
  expect(await judged(openApiDocument({ version: "7" }))).toMatchObject({ valid: true });
  expect(await judged({ ...document, info: { title: "no version" } })).toMatchObject({ valid: false });
});

test("every reference resolves, and every named schema is referred to", () => {
  const found = new Set(references(document));
  for (const ref of found) expect(resolve(document, ref), ref).toBeDefined();
  for (const name of Object.keys(schemas)) expect(found).toContain(`#/components/schemas/${name}`);
  expect(Object.keys(schemas)).toEqual(
    expect.arrayContaining(["Conversation", "ErrorAnswer", "Id", "Message", "User"]),
  );
});

test("every schema is strict JSON Schema 2020-12", () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const answers = operations.flatMap(({ operationId, responses }) =>
    Object.entries(responses).flatMap(([status, { content }]) =>
      Object.values(content ?? {}).map(({ schema }) => [`${operationId} ${status}`, schema] as const),
    ),
  );
  const all = { ...schemas, ...Object.fromEntries(answers) };
  ajv.addSchema(asDefinitions(all));
  for (const name of Object.keys(all)) expect(ajv.getSchema(`wire#/$defs/${name}`), name).toBeDefined();
  const accepts = ajv.getSchema("wire#/$defs/User");
  const user = { id: 7, username: "nika", email: "", full_name: "", avatar: "", role: "user", is_online: true };
  expect(accepts?.({ ...user, last_seen: null })).toBe(true);
  expect(accepts?.({ ...user, last_seen: "2026-03-04T05:06:07.5Z" })).toBe(true);
  expect(accepts?.({ ...user, last_seen: "yesterday" })).toBe(false);
  expect(accepts?.(user)).toBe(false);
});

describe.each(Object.entries<Route>(routes))("%s", (name, route) => {
  const found = operation(route);

  test("stands under its method, path and feature", () => {
    expect(found.operationId).toBe(name);
    const [tag = ""] = found.tags;
    expect(Object.keys(features[tag as keyof typeof features])).toContain(name);
  });

  test("has its parameters, body and access", () => {
    const given = found.parameters.map((parameter) => `${parameter.in ?? "ref"} ${parameter.name ?? ""}`.trim());
    expect(given).toEqual([
      ...[...pathOf(route).matchAll(/:(\w+)/g)].map(([, parameter]) => `path ${parameter}`),
      ...Object.keys(route.query?.properties ?? {}).map((parameter) => `query ${parameter}`),
      ...(route.csrf ? ["ref"] : []),
    ]);
    for (const parameter of found.parameters) {
      if (parameter.in === "query") expect(parameter["description"], `${name}: ${parameter.name}`).toMatch(/\.$/);
    }
    expect(found.requestBody !== undefined).toBe((route.body ?? route.upload) !== undefined);
    expect(found.security).toEqual(route.auth === "token" ? [{ bearer: [] }, { cookie: [] }] : []);
  });

  test("says in a sentence what it does", () => expect(route.summary).toMatch(/^[A-Z].*\.$/));

  test("answers with its status, and with errors of the table", () => {
    expect(Object.keys(found.responses)).toContain(String(route.status));
    expect(found.responses["default"]).toBeDefined();
    for (const [status, { description, content }] of Object.entries(found.responses)) {
      for (const [, code = ""] of description.matchAll(/`([a-z_]+)`/g)) {
        expect(String(errors[code as keyof typeof errors].status)).toBe(status);
        expect(content?.["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/ErrorAnswer" });
      }
    }
  });
});

test("files come as multipart and go as bytes", () => {
  const { field, maxBytes } = routes.uploadAttachment.upload;
  expect([field, maxBytes]).toEqual(["attachment", 25 * 1024 * 1024]);
  expect(operation(routes.uploadAttachment).requestBody).toMatchObject({
    content: { "multipart/form-data": { schema: { required: ["attachment"] } } },
  });
  expect(Object.keys(operation(routes.attachmentFile).responses["200"]?.content ?? {})).toEqual(["*/*"]);
});

test("the closed list of codes stands in the document", () => {
  expect(schemas["ErrorCode"]).toEqual({ type: "string", enum: Object.keys(errors) });
});
