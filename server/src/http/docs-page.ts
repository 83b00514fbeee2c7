import { closeCodes, errors, frameErrors } from "@om/protocol";
import type { Json } from "@om/protocol/openapi";
import { inline, openedHtml, schemaHtml } from "./docs-schema.ts";
import { docsStyle } from "./docs-style.ts";
import { escapeHtml } from "./escape-html.ts";

type Content = Record<string, { schema: Json }>;
interface Parameter {
  name: string;
  in: string;
  required: boolean;
  description?: string;
}
interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  security: Json[];
  parameters: (Parameter | { $ref: string })[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content: Content }>;
}
interface OpenApi {
  info: { title: string; version: string; description: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; parameters: Record<string, Parameter> };
}
interface AsyncApi {
  channels: {
    ws: { address: string; description: string; bindings: { ws: { query: { properties: Record<string, Json> } } } };
  };
  components: {
    messages: Record<string, { name: string; summary: string; payload: Json }>;
    schemas: Record<string, Json>;
  };
}

/** Both documents as one page that needs nothing else: no script, no other file. */
export function docsPage(openApi: Json, asyncApi: Json): string {
  const http = openApi as unknown as OpenApi;
  const ws = asyncApi as unknown as AsyncApi;
  const { title, version, description } = http.info;
  const entries = Object.entries(http.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      operation,
      heading: `<span class="method">${escapeHtml(method.toUpperCase())}</span> ${code(path)}`,
    })),
  );
  const features = http.tags.map(({ name }) => ({
    name: escapeHtml(name),
    routes: entries.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const frameLinks = (side: string): string =>
    framesOf(ws, side)
      .map(([id, { name }]) => `<a href="#frame-${escapeHtml(id)}">${code(name)}</a>`)
      .join(", ");
  const parts = Object.entries({ ...http.components.schemas, ...ws.components.schemas }).sort(([a], [b]) =>
    a.localeCompare(b),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}: protocol</title>
<style>${docsStyle}</style>
</head>
<body>
<h1>${escapeHtml(title)}: protocol ${escapeHtml(version)}</h1>
<p>The same for machines: <a href="/docs/openapi.json">OpenAPI 3.1</a> for HTTP, <a href="/docs/asyncapi.json">AsyncAPI 3.0</a> for the WebSocket.</p>
<p>${inline(description)}</p>
<nav>
${lines(features, ({ name, routes }) => `<h3>${name}</h3>\n<ul>${lines(routes, ({ operation, heading }) => `<li><a href="#route-${escapeHtml(operation.operationId)}">${heading}</a></li>`)}</ul>`)}
<h3><a href="#socket">WebSocket</a></h3>
<p>A client sends ${frameLinks("client_")}.</p>
<p>The server sends ${frameLinks("server_")}.</p>
<h3><a href="#errors">Errors</a>, <a href="#close">close codes</a>, <a href="#parts">shared parts</a></h3>
</nav>
<main>
${lines(features, ({ name, routes }) => `<h2 id="${name}">${name}</h2>\n${lines(routes, ({ operation, heading }) => routeHtml(operation, heading, http))}`)}
${socketHtml(ws)}
${tablesHtml()}
<h2 id="parts">Shared parts</h2>
${lines(parts, ([name, schema]) => partHtml(name, schema))}
</main>
</body>
</html>
`;
}

const code = (text: string): string => `<code>${escapeHtml(text)}</code>`;
const lines = <T>(items: readonly T[], html: (item: T) => string): string => items.map(html).join("\n");
const section = (id: string, heading: string, body: string): string =>
  `<section id="${escapeHtml(id)}">\n<h3>${heading}</h3>\n${body}\n</section>`;
/** @param side `client_`: what a client sends, `server_` */
const framesOf = (ws: AsyncApi, side: string) =>
  Object.entries(ws.components.messages).filter(([id]) => id.startsWith(side));

function routeHtml(operation: Operation, heading: string, { components }: OpenApi): string {
  const { operationId, summary, security, requestBody } = operation;
  const parameters = operation.parameters.flatMap((given) =>
    "$ref" in given ? (components.parameters[given.$ref.slice(given.$ref.lastIndexOf("/") + 1)] ?? []) : given,
  );
  const rows = parameters.map(({ name, in: place, required, description = "" }) => [
    code(name),
    `${escapeHtml(place)}${required ? "" : ", may be absent"}`,
    inline(description),
  ]);
  const contentHtml = (title: string, content: Content): string =>
    lines(Object.entries(content), ([type, { schema }]) => {
      const kind = type === "application/json" ? "" : ` ${code(type)}`;
      return `<h4>${escapeHtml(title)}${kind}</h4>\n<pre>${openedHtml(schema, components.schemas)}</pre>`;
    });
  const answers = Object.entries(operation.responses);
  const done = answers.filter(([status]) => status.startsWith("2"));
  const refused = answers.filter(([status]) => !status.startsWith("2"));
  const who = security.length === 0 ? "Anybody may call it." : "Needs an access token.";
  return section(
    `route-${operationId}`,
    heading,
    `<p>${inline(summary)} ${who}</p>
${rows.length === 0 ? "" : `<h4>Parameters</h4>\n${tableHtml(["Name", "Where", ""], rows)}`}
${requestBody === undefined ? "" : contentHtml("Body", requestBody.content)}
${lines(done, ([status, { content }]) => contentHtml(`Answer ${status}`, content))}
<h4>Errors</h4>
<ul class="errors">${lines(refused, (refusal) => refusalHtml(...refusal))}</ul>`,
  );
}

function refusalHtml(status: string, { description, content }: { description: string; content: Content }): string {
  const shapes = Object.entries(content).map(([type, { schema }]) =>
    type === "application/json" ? schemaHtml(schema) : escapeHtml(type),
  );
  const usual =
    JSON.stringify(content) === '{"application/json":{"schema":{"$ref":"#/components/schemas/ErrorAnswer"}}}';
  const label = status === "default" ? `<a href="#errors">…</a>` : `<b>${escapeHtml(status)}</b>`;
  return `<li>${label} ${inline(description)}${usual ? "" : ` (${shapes.join(" or ")})`}</li>`;
}

function socketHtml(ws: AsyncApi): string {
  const { address, description, bindings } = ws.channels.ws;
  const query = Object.entries(bindings.ws.query.properties).map(([name, { description }]) => [
    code(name),
    inline(String(description)),
  ]);
  const frames = (side: string): string =>
    lines(framesOf(ws, side), ([id, { name, summary, payload }]) => {
      const shape = openedHtml(payload, ws.components.schemas);
      return section(`frame-${id}`, code(name), `<p>${inline(summary)}</p>\n<pre>${shape}</pre>`);
    });
  return `<h2 id="socket">WebSocket</h2>
<h3>${code(address)}</h3>
<p>${inline(description)}</p>
<h4>Query</h4>
${tableHtml(["Name", ""], query)}
<h2>What a client sends</h2>
${frames("client_")}
<h2>What the server sends</h2>
${frames("server_")}`;
}

function tablesHtml(): string {
  const yesOrNo = (is: boolean): string => (is ? "yes" : "no");
  const codes = Object.entries(errors).map(([name, { status, text, retry }]) => [
    code(name),
    String(status),
    escapeHtml(text),
    yesOrNo(retry),
  ]);
  const frames = Object.entries(frameErrors).map(([name, text]) => [code(name), escapeHtml(text)]);
  const closes = Object.values(closeCodes).map(({ code, reason, reconnect }) => [
    String(code),
    escapeHtml(reason),
    yesOrNo(reconnect),
  ]);
  return `<h2 id="errors">Errors</h2>
<h3>Over HTTP</h3>
<p>An error is an <a href="#part-ErrorAnswer">ErrorAnswer</a>, where nothing else is said. “Try again” tells whether the same request may succeed later.</p>
${tableHtml(["Code", "Status", "Text", "Try again"], codes)}
<h3>In <code>error</code> frames</h3>
${tableHtml(["Code", "Text"], frames)}
<h2 id="close">Close codes</h2>
${tableHtml(["Code", "Reason", "Come back"], closes)}`;
}

function partHtml(name: string, schema: Json): string {
  const { description } = schema as { description?: string };
  const text = description === undefined ? "" : `<p>${inline(description)}</p>\n`;
  return section(`part-${name}`, code(name), `${text}<pre>${schemaHtml(schema)}</pre>`);
}

/** @param rows cells of HTML */
function tableHtml(head: string[], rows: string[][]): string {
  const row = (cells: string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table>\n${row(head, "th")}\n${rows.map((cells) => row(cells, "td")).join("\n")}\n</table></div>`;
}
