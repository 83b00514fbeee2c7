import * as wire from "@om/protocol";
import { createSchemaWriter, type SchemaWriter } from "@om/protocol/schemas";
import { commentText, typeText } from "@om/protocol/type-text";

type Schema = Parameters<SchemaWriter["write"]>[0];

/** The types of the wire as TypeScript that needs no library: everything that the protocol exports as a schema, and the table of routes. */
export function protocolTypes(): string {
  const writer = createSchemaWriter();
  const schemas = Object.entries<unknown>(wire).filter((entry): entry is [string, Schema] => isSchema(entry[1]));
  const written = schemas.map(([name, schema]) => [name, writer.write(schema)] as const);
  const routes = Object.entries<wire.Route>(wire.routes).map(([name, route]) => routeText(name, route, writer));
  const named = { ...Object.fromEntries(written), ...writer.used() };
  return [
    "// Made from the schemas of the protocol.",
    ...Object.entries(named).map(
      ([name, schema]) => `${commentText(schema)}export type ${name} = ${typeText(schema)};`,
    ),
    `export interface Routes {\n${routes.join("\n")}\n}`,
    helpers,
  ].join("\n");
}

const helpers = `export type RouteName = keyof Routes;
export type RouteParams<N extends RouteName> = Routes[N]["params"];
export type RouteQuery<N extends RouteName> = Routes[N]["query"];
export type RouteBody<N extends RouteName> = Routes[N]["body"];
export type RouteOutput<N extends RouteName> = Routes[N]["output"];
export type UploadRouteName = { [N in RouteName]: Routes[N]["upload"] extends true ? N : never }[RouteName];
`;

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && "~kind" in value;
}

function routeText(name: string, route: wire.Route, writer: SchemaWriter): string {
  const { path, query, body, upload, output, summary } = route;
  const params = [...path.matchAll(/:([a-z_]+)|(\*)$/g)].map(([, param, rest]) => `"${param ?? rest}": string`);
  const asked = Object.keys(query?.properties ?? {}).map((key) => `${key}?: string | undefined`);
  const parts = {
    params: `{ ${params.join("; ")} }`,
    query: query === undefined ? "undefined" : `{ ${asked.join("; ")} }`,
    body: body === undefined ? "undefined" : typeText(writer.write(body)),
    output: typeText(writer.write(output)),
    upload: String(upload !== undefined),
  };
  const fields = Object.entries(parts).map(([key, text]) => `${key}: ${text}`);
  return `${commentText({ description: summary })}${name}: { ${fields.join("; ")} };`;
}
