import { ErrorAnswer, errors, ErrorText, OutboundFrame, routes, type Route } from "@om/protocol";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { operationPaths } from "../http/operation-routes.ts";
import { pathOf, routedUrl } from "../http/routed-url.ts";

/** An answer as a test received it. */
export interface SeenAnswer {
  method: string;
  /** With its query. */
  path: string;
  status: number;
  contentType: string;
  text: string;
}

/**
 * Holds an answer of the real server against the protocol: the route's status and output with every field it requires and none it
 * does not know, or an error of the closed table with its status. What operators ask is no part of the protocol.
 * @throws Error naming the route and the field
 */
export function checkAnswer(seen: SeenAnswer): void {
  const path = pathOf(routedUrl(seen.path));
  if (outside.has(path)) return;
  const route = table.find(({ method, pattern }) => method === methodOf(seen) && pattern.test(path));
  const fault = faultOf(seen, route);
  if (fault === undefined) return;
  const name = route === undefined ? "no route" : route.name;
  throw new Error(
    `${seen.method} ${seen.path} (${name}) answered ${seen.status}: ${fault}\n${seen.text.slice(0, 2_000)}`,
  );
}

/** Holds a frame that the server sent against its member of OutboundFrame. @throws Error naming the frame and the field */
export function checkFrame(frame: unknown): void {
  const { type } = frame as { type?: unknown };
  const fault = frames.get(String(type))?.(frame);
  if (!frames.has(String(type))) throw new Error(`The server sent a frame of no known type: ${JSON.stringify(frame)}`);
  if (fault !== undefined)
    throw new Error(`The server sent a ${String(type)} frame: ${fault}\n${JSON.stringify(frame)}`);
}

/** Says what is wrong with a value; undefined when it fits exactly. */
type Judge = (value: unknown) => string | undefined;

function judge(schema: TSchema): Judge {
  const validator = Compile(closed(JSON.parse(JSON.stringify(schema))) as TSchema);
  return (value) => {
    if (validator.Check(value)) return undefined;
    const faults = validator.Errors(value).filter(({ keyword }) => keyword !== "boolean" && keyword !== "anyOf");
    return faults
      .map(({ instancePath, message, params }) => `${instancePath || "/"} ${message} ${JSON.stringify(params)}`)
      .join("; ");
  };
}

/** The same schema without room for keys that it does not name. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== "object" || node === null) return node;
  if ("allOf" in node) throw new Error("an allOf cannot be closed: write its members as one object");
  const parts = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]));
  return parts["type"] === "object" && typeof parts["properties"] === "object"
    ? { additionalProperties: false, ...parts }
    : parts;
}

const outside: ReadonlySet<string> = new Set(operationPaths.filter((path) => path !== "/ws"));

/** Paths without parameters come first, as in the router. */
const table = Object.entries<Route>(routes)
  .map(([name, route]) => ({
    name,
    route,
    method: route.method,
    pattern: new RegExp(
      `^${route.path
        .toLowerCase()
        .replaceAll(/:[a-z_]+/g, "[^/]+")
        .replace(/\/\*$/, "(?:/.*)?")}$`,
    ),
    isBytes: "contentMediaType" in route.output,
    output: judge(route.output),
    parameters: route.path.split(/[:*]/).length,
  }))
  .sort((a, b) => a.parameters - b.parameters);

const judgeError = judge(ErrorAnswer);
const judgeErrorText = judge(ErrorText);
const frames = new Map<string, Judge>(OutboundFrame.anyOf.map((frame) => [frame.properties.type.const, judge(frame)]));

/** A GET route answers HEAD too. */
function methodOf({ method }: SeenAnswer): string {
  return method === "HEAD" ? "GET" : method;
}

function faultOf(seen: SeenAnswer, route: (typeof table)[number] | undefined): string | undefined {
  const { method, status, text, contentType } = seen;
  if (method === "HEAD" || status === 204 || status === 304) return text === "" ? undefined : "has a body";
  if (status < 300) {
    if (route === undefined) return "the protocol has no such route";
    if (status !== route.route.status) return `its status is ${route.route.status}`;
    if (route.isBytes) return undefined;
    return contentType === "application/json" ? route.output(JSON.parse(text)) : `its type is ${contentType}`;
  }
  if (contentType === "application/json") return errorFault(status, JSON.parse(text), route?.route);
  const plain = contentType === "text/plain; charset=utf-8" && plainStatuses.has(status);
  return plain ? undefined : `such an error is not ${contentType}`;
}

/** What the framework refuses is plain text. */
const plainStatuses: ReadonlySet<number> = new Set([404, 405, 413, 426, 429]);

function errorFault(status: number, body: unknown, route: Route | undefined): string | undefined {
  const { code, error } = body as Partial<ErrorAnswer>;
  const own = route?.errors === "text" && code === undefined;
  const fault = own ? judgeErrorText(body) : judgeError(body);
  if (fault !== undefined) return fault;
  if (code !== undefined && errors[code].status !== status) return `${code} has the status ${errors[code].status}`;
  const listed = Object.values(errors).some((known) => known.status === status && known.text === error);
  return listed || !(own || status === 500) ? undefined : "its text is not of the table";
}
