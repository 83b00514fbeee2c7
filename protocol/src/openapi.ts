import { Type, type TSchema } from "typebox";
import { earlyErrors, errors, ErrorAnswer, ErrorText, features, type ErrorCode } from "./index.ts";
import { FileBytes, maxBodyBytes, type Route } from "./route.ts";
import { createSchemaWriter, type Json, type SchemaWriter } from "./schema-names.ts";

export type { Json } from "./schema-names.ts";

export interface DocumentOptions {
  /** Of the wire. */
  version: string;
  /** Such as `https://chat.example.org`; without it the server that serves the document. */
  serverUrl?: string;
}

/** The HTTP routes as an OpenAPI 3.1 document. */
export function openApiDocument({ version, serverUrl = "/" }: DocumentOptions): Json {
  const writer = createSchemaWriter();
  const paths: Record<string, Json> = {};
  for (const [feature, routes] of Object.entries(features)) {
    for (const [name, route] of Object.entries<Route>(routes)) {
      const path = route.path.replaceAll(/:([a-z_]+)/g, "{$1}").replace(/\*$/, "{path}");
      paths[path] = {
        ...paths[path],
        [route.method.toLowerCase()]: { operationId: name, tags: [feature], ...operation(route, writer) },
      };
    }
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "OM Messenger",
      version,
      description:
        "The HTTP side of OM Messenger. Frames of the WebSocket at `/ws` are described in the AsyncAPI document beside this one. " +
        "Unknown paths (404), wrong methods (405), bodies that are too large (413) and the rate limit (429) are answered in plain text.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: serverUrl }],
    tags: Object.keys(features).map((name) => ({ name })),
    paths,
    components: { schemas: writer.used(), securitySchemes, parameters: { csrf: csrfParameter } },
  };
}

const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "The access token." },
  cookie: { type: "apiKey", in: "cookie", name: "om_access", description: "The access token of a browser." },
};

const csrfParameter = {
  name: "X-OM-CSRF",
  in: "header",
  required: false,
  description:
    "The value of the cookie `om_csrf`; needed when a request has an `Origin` and no `Authorization`, as browsers send it.",
  schema: { type: "string" },
};

function operation(route: Route, writer: SchemaWriter): Json {
  return {
    summary: route.summary,
    security: route.auth === "token" ? [{ bearer: [] }, { cookie: [] }] : [],
    parameters: parameters(route),
    ...requestBody(route, writer),
    responses: {
      [route.status]: {
        description: "Done.",
        content: route.file ? { "*/*": { schema: writer.write(route.output) } } : json(writer.write(route.output)),
      },
      ...(route.file && {
        206: {
          description: "The piece that `Range` asks for.",
          content: { "*/*": { schema: writer.write(route.output) } },
        },
      }),
      ...refusals(route, writer),
    },
  };
}

function requestBody({ body, upload }: Route, writer: SchemaWriter): Json {
  if (body !== undefined) return { requestBody: { required: true, content: json(writer.write(body)) } };
  if (upload === undefined) return {};
  const schema = { type: "object", required: [upload.field], properties: { [upload.field]: writer.write(FileBytes) } };
  return { requestBody: { required: true, content: { "multipart/form-data": { schema } } } };
}

function parameters({ path, query, csrf }: Route): Json[] {
  const required = new Set(query?.required);
  return [
    ...[...path.replace(/\*$/, ":path").matchAll(/:([a-z_]+)/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string" },
    })),
    ...Object.entries<TSchema>(query?.properties ?? {}).map(([name, schema]) => {
      const { description, ...type } = JSON.parse(JSON.stringify(schema)) as Json;
      return { name, in: "query", required: required.has(name), description, schema: type };
    }),
    ...(csrf ? [{ $ref: "#/components/parameters/csrf" }] : []),
  ];
}

/** What every route of its kind may be refused with, by status; other codes of the table fall under `default`. */
function refusals(route: Route, writer: SchemaWriter): Json {
  const codes = commonErrors(route);
  const maxBytes = maxBodyBytes(route);
  const early = writer.write(ErrorAnswer);
  const own = route.errors === "text" ? writer.write(ErrorText) : early;
  const both = route.errors === "text" ? { anyOf: [early, own] } : early;
  const answers = [...new Set(codes.map((code) => errors[code].status))].map((status) => {
    const ofStatus = codes.filter((code) => errors[code].status === status);
    const asText = route.errors === "text" && !ofStatus.every((code) => earlyErrors.has(code));
    const description = ofStatus.map((code) => (asText ? `“${errors[code].text}”` : `\`${code}\``)).join(", ");
    return [status, { description, content: json(asText ? own : early) }] as const;
  });
  return {
    ...Object.fromEntries(answers),
    ...(maxBytes === undefined ? {} : { 413: plainText(`The body has more than ${maxBytes} bytes.`) }),
    ...(route.limit === undefined ? {} : { 429: tooMany(early) }),
    default: { description: "Any other code of the table.", content: json(both) },
  };
}

function commonErrors(route: Route): ErrorCode[] {
  return [
    ...(route.body === undefined ? [] : (["invalid_request_body"] as const)),
    ...(route.auth === "none"
      ? []
      : (["missing_access_token", "invalid_access_token", "invalid_authorization"] as const)),
    "forbidden_origin",
    ...(route.csrf ? (["csrf_required", "csrf_invalid"] as const) : []),
    route.failure ?? "internal_error",
    "unavailable",
  ];
}

function tooMany(early: Json): Json {
  const { description, content } = plainText("Too many requests; `Retry-After` tells when to come back.");
  return { description, content: { ...(content as Json), ...json(early) } };
}

function plainText(description: string): Json {
  return { description, content: { "text/plain": { schema: Type.String() } } };
}

function json(schema: Json): Json {
  return { "application/json": { schema } };
}
