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
interface Message {
  name: string;
  summary: string;
  payload: Json;
}
interface AsyncApi {
  channels: {
    ws: { address: string; description: string; bindings: { ws: { query: { properties: Record<string, Json> } } } };
  };
  components: { messages: Record<string, Message>; schemas: Record<string, Json> };
}
interface Entry {
  method: string;
  path: string;
  operation: Operation;
}

/** Both documents as one page that needs nothing else: no script, no other file. */
export function docsPage(openApi: Json, asyncApi: Json): string {
  const http = openApi as unknown as OpenApi;
  const ws = asyncApi as unknown as AsyncApi;
  const entries = Object.entries(http.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const features = http.tags.map(
    ({ name }) => [name, entries.filter(({ operation }) => operation.tags.includes(name))] as const,
  );
  const messages = Object.entries(ws.components.messages);
  const parts = Object.entries({ ...http.components.schemas, ...ws.components.schemas }).sort(([a], [b]) =>
    a.localeCompare(b),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(http.info.title)}: protocol</title>
<style>${docsStyle}</style>
</head>
<body>
<h1>${escapeHtml(http.info.title)}: protocol ${escapeHtml(http.info.version)}</h1>
<p>The same for machines: <a href="/docs/openapi.json">OpenAPI 3.1</a> for HTTP, <a href="/docs/asyncapi.json">AsyncAPI 3.0</a> for the WebSocket.</p>
<p>${inline(http.info.description)}</p>
${indexHtml(features, messages)}
<main>
${features.map(([name, routes]) => `<h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2>\n${routes.map((entry) => routeHtml(entry, http)).join("\n")}`).join("\n")}
${socketHtml(ws, messages)}
${tablesHtml()}
<h2 id="parts">Shared parts</h2>
${parts.map(([name, schema]) => partHtml(name, schema)).join("\n")}
</main>
</body>
</html>
`;
}

function indexHtml(features: (readonly [string, Entry[]])[], messages: [string, Message][]): string {
  const routes = features.map(([name, entries]) => {
    const items = entries.map(
      ({ method, path, operation }) =>
        `<li><a href="#route-${escapeHtml(operation.operationId)}"><span class="method">${escapeHtml(method)}</span> <code>${escapeHtml(path)}</code></a></li>`,
    );
    return `<h3>${escapeHtml(name)}</h3>\n<ul>${items.join("\n")}</ul>`;
  });
  const frames = messages.map(
    ([id, { name }]) => `<a href="#frame-${escapeHtml(id)}"><code>${escapeHtml(name)}</code></a>`,
  );
  const from = frames.filter((_, i) => messages[i]?.[0].startsWith("client_"));
  const to = frames.filter((_, i) => messages[i]?.[0].startsWith("server_"));
  return `<nav>
${routes.join("\n")}
<h3><a href="#socket">WebSocket</a></h3>
<p>A client sends ${from.join(", ")}.</p>
<p>The server sends ${to.join(", ")}.</p>
<h3><a href="#errors">Errors</a>, <a href="#close">close codes</a>, <a href="#parts">shared parts</a></h3>
</nav>`;
}

function routeHtml({ method, path, operation }: Entry, http: OpenApi): string {
  const { operationId, summary, security, requestBody } = operation;
  const parameters = operation.parameters.map((given) =>
    "$ref" in given ? http.components.parameters[given.$ref.slice(given.$ref.lastIndexOf("/") + 1)] : given,
  );
  const answers = Object.entries(operation.responses);
  const done = answers.filter(([status]) => status.startsWith("2"));
  const refused = answers.filter(([status]) => !status.startsWith("2"));
  const who = security.length === 0 ? "Anybody may call it." : "Needs an access token.";
  return `<section id="route-${escapeHtml(operationId)}">
<h3><span class="method">${escapeHtml(method)}</span> <code>${escapeHtml(path)}</code></h3>
<p>${inline(summary)} ${who}</p>
${parametersHtml(parameters.filter((parameter) => parameter !== undefined))}
${requestBody === undefined ? "" : contentHtml("Body", requestBody.content, http.components.schemas)}
${done.map(([status, { content }]) => contentHtml(`Answer ${status}`, content, http.components.schemas)).join("\n")}
<h4>Errors</h4>
<ul class="errors">${refused.map((refusal) => refusalHtml(...refusal)).join("\n")}</ul>
</section>`;
}

function parametersHtml(parameters: Parameter[]): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(({ name, in: place, required, description = "" }) => [
    `<code>${escapeHtml(name)}</code>`,
    `${escapeHtml(place)}${required ? "" : ", may be absent"}`,
    inline(description),
  ]);
  return `<h4>Parameters</h4>\n${tableHtml(["Name", "Where", ""], rows)}`;
}

function contentHtml(title: string, content: Content, schemas: Record<string, Json>): string {
  const blocks = Object.entries(content).map(([type, { schema }]) => {
    const kind = type === "application/json" ? "" : ` <code>${escapeHtml(type)}</code>`;
    return `<h4>${escapeHtml(title)}${kind}</h4>\n<pre>${openedHtml(schema, schemas)}</pre>`;
  });
  return blocks.join("\n");
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

function socketHtml(
  { channels: { ws: channel }, components: { schemas } }: AsyncApi,
  messages: [string, Message][],
): string {
  const query = Object.entries(channel.bindings.ws.query.properties).map(([name, { description }]) => [
    `<code>${escapeHtml(name)}</code>`,
    inline(String(description)),
  ]);
  const frames = (side: string): string =>
    messages
      .filter(([id]) => id.startsWith(side))
      .map(([id, message]) => frameHtml(id, message, schemas))
      .join("\n");
  return `<h2 id="socket">WebSocket</h2>
<h3><code>${escapeHtml(channel.address)}</code></h3>
<p>${inline(channel.description)}</p>
<h4>Query</h4>
${tableHtml(["Name", ""], query)}
<h2>What a client sends</h2>
${frames("client_")}
<h2>What the server sends</h2>
${frames("server_")}`;
}

function frameHtml(id: string, { name, summary, payload }: Message, schemas: Record<string, Json>): string {
  return `<section id="frame-${escapeHtml(id)}">
<h3><code>${escapeHtml(name)}</code></h3>
<p>${inline(summary)}</p>
<pre>${openedHtml(payload, schemas)}</pre>
</section>`;
}

function tablesHtml(): string {
  const codes = Object.entries(errors).map(([code, { status, text, retry }]) => [
    `<code>${escapeHtml(code)}</code>`,
    String(status),
    escapeHtml(text),
    retry ? "yes" : "no",
  ]);
  const frames = Object.entries(frameErrors).map(([code, text]) => [
    `<code>${escapeHtml(code)}</code>`,
    escapeHtml(text),
  ]);
  const closes = Object.values(closeCodes).map(({ code, reason, reconnect }) => [
    String(code),
    escapeHtml(reason),
    reconnect ? "yes" : "no",
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
  return `<section id="part-${escapeHtml(name)}">
<h3><code>${escapeHtml(name)}</code></h3>
${description === undefined ? "" : `<p>${inline(description)}</p>\n`}<pre>${schemaHtml(schema)}</pre>
</section>`;
}

/** @param rows cells of HTML */
function tableHtml(head: string[], rows: string[][]): string {
  const row = (cells: string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table>\n${row(head, "th")}\n${rows.map((cells) => row(cells, "td")).join("\n")}\n</table></div>`;
}
