import { Type } from "./typebox.ts";
import { fieldRules } from "./field-rules.ts";
import { earlyErrors, errors, ErrorAnswer, ErrorText, features, wsQuery, type ErrorCode } from "./index.ts";
import { FileBytes, maxBodyBytes, type Route } from "./route.ts";
import { createSchemaWriter, type Json, type SchemaWriter } from "./schema-names.ts";
import { errorsMarkdown, socketMarkdown } from "./wire-markdown.ts";

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
        [route.method.toLowerCase()]: { operationId: name, tags: [feature], ...operation(route, writer, serverUrl) },
      };
    }
  }
  paths["/ws"] = { get: socketOperation() };
  return {
    openapi: "3.1.1",
    info: {
      title: "OM Messenger",
      version,
      description:
        "HTTP under `/api` and one WebSocket at `/ws`, whose frames stand there and in the AsyncAPI document beside this one. " +
        "Unknown paths (404), wrong methods (405), bodies that are too large (413) and the rate limit (429) are answered in plain text, " +
        `all else with one of these codes:\n\n<details><summary>Errors</summary>\n\n${errorsMarkdown()}\n\n</details>`,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: serverUrl }],
    tags: [...Object.keys(features), "websocket"].map((name) => ({ name })),
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

function operation(route: Route, writer: SchemaWriter, serverUrl: string): Json {
  return {
    summary: route.summary,
    description: `\`\`\`sh\n${curlLine(route, serverUrl)}\n\`\`\``,
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
  if (body !== undefined) return { requestBody: { required: true, content: json(withRules(writer.write(body))) } };
  if (upload === undefined) return {};
  const schema = { type: "object", required: [upload.field], properties: { [upload.field]: writer.write(FileBytes) } };
  return { requestBody: { required: true, content: { "multipart/form-data": { schema } } } };
}

/** The fields of an object with what is ruled for each; a field that may be null may still be. */
function withRules(schema: Json): Json {
  const { properties, ...rest } = schema as { properties?: Record<string, Json> };
  if (properties === undefined) return schema;
  const ruled = Object.entries(properties).map(([name, field]) => {
    const { type: _, ...rules } = fieldRules[name] ?? {};
    const values = rules["enum"];
    const mayBeNull = Array.isArray(field["type"]) && Array.isArray(values);
    return [name, "$ref" in field ? field : { ...field, ...rules, ...(mayBeNull ? { enum: [...values, null] } : {}) }];
  });
  return { ...rest, properties: Object.fromEntries(ruled) as unknown };
}

function parameters({ path, query, csrf }: Route): Json[] {
  const required = new Set(query?.required);
  return [
    ...pathParameters(path).map((name) => ({ name, in: "path", required: true, schema: parameterSchema(name) })),
    ...Object.entries(query?.properties ?? {}).map(([name, { description }]: [string, { description?: string }]) => ({
      name,
      in: "query",
      required: required.has(name),
      description,
      schema: parameterSchema(name),
    })),
    ...(csrf ? [{ $ref: "#/components/parameters/csrf" }] : []),
  ];
}

function pathParameters(path: string): string[] {
  return [...path.replace(/\*$/, ":path").matchAll(/:([a-z_]+)/g)].map(([, name = ""]) => name);
}

function parameterSchema(name: string): Json {
  return { type: "string", ...fieldRules[name] };
}

/** How to call the route from a shell; what is written in capitals is to be replaced. */
function curlLine({ method, path, auth, query, body, upload, file }: Route, serverUrl: string): string {
  const example = (name: string): unknown =>
    (fieldRules[name]?.["examples"] as unknown[] | undefined)?.[0] ?? name.toUpperCase();
  const filled = path.replaceAll(/:([a-z_]+)/g, (_, name: string) => String(example(name))).replace(/\*$/, "PATH");
  const asked = (query?.required ?? []).map((name) => `${name}=${String(example(name))}`).join("&");
  const { properties = {} }: { properties?: object } = body ?? {};
  const fields = Object.keys(properties);
  const sent = Object.fromEntries(
    fields.filter((name) => fieldRules[name]?.["examples"]).map((name) => [name, example(name)]),
  );
  const server = serverUrl === "/" ? "$SERVER" : serverUrl;
  return [
    `curl ${method === "GET" ? "" : `-X ${method} `}"${server}${filled}${asked === "" ? "" : `?${asked}`}"`,
    ...(auth === "token" ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    ...(body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(sent)}'`]),
    ...(upload === undefined ? [] : [`-F ${upload.field}=@FILE`]),
    ...(file === undefined ? [] : ["-O"]),
  ].join(" \\\n  ");
}

/** The upgrade to a WebSocket, with its frames in words. */
function socketOperation(): Json {
  return {
    operationId: "socket",
    tags: ["websocket"],
    summary: "Opens the WebSocket.",
    description: socketMarkdown(),
    security: [{ bearer: [] }, { cookie: [] }],
    parameters: Object.values(wsQuery).map((name) => ({
      name,
      in: "query",
      required: false,
      schema: { type: "string" },
    })),
    responses: { 101: { description: "Frames from here on." }, 401: plainText("No good token.") },
  };
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
    ...(route.limit === undefined && route.auth === "none" ? {} : { 429: tooMany(early) }),
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
