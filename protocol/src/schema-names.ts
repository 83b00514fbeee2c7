import { Type, type TSchema } from "./typebox.ts";
import * as wire from "./index.ts";

/** A piece of a JSON document. */
export type Json = Record<string, unknown>;

/** Writes schemas as JSON Schema 2020-12 with `$ref` in the place of every named part, and remembers which names it used. */
export interface SchemaWriter {
  write(schema: TSchema): Json;
  /** The named schemas that were referred to, in order of name. */
  used(): Record<string, Json>;
}

/** Whatever the protocol exports as an object, an enumeration or with a description is named as it is exported. */
const names = new Map(
  Object.entries(wire as Record<string, unknown>)
    .filter(([, value]) => Type.IsObject(value) || Type.IsEnum(value) || hasDescription(value))
    .map(([name, value]) => [shapeOf(value as Json), { name, description: (value as Json)["description"] }]),
);

export function createSchemaWriter(): SchemaWriter {
  const used = new Map<string, Json>();
  const parts = (node: Json): Json =>
    usual(Object.fromEntries(Object.entries(node).map(([key, value]) => [key, part(value)])));
  const part = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(part);
    if (typeof value !== "object" || value === null) return value;
    const node = value as Json;
    const named = names.get(shapeOf(node));
    if (named === undefined) return parts(node);
    const { name, description } = named;
    if (!used.has(name)) {
      used.set(name, {});
      used.set(name, parts({ ...node, ...(description === undefined ? {} : { description }) }));
    }
    const note = node["description"];
    return {
      $ref: `#/components/schemas/${name}`,
      ...(note === undefined || note === description ? {} : { description: note }),
    };
  };
  return {
    write: (schema) => part(JSON.parse(JSON.stringify(schema))) as Json,
    used: () => Object.fromEntries([...used].sort(([a], [b]) => a.localeCompare(b))),
  };
}

/** As people write it: one plain type or null is `type: [it, "null"]`, and an enumeration of texts says that it is text. */
function usual(node: Json): Json {
  const { anyOf, ...rest } = node;
  const [first, second, ...more] = Array.isArray(anyOf) ? (anyOf as Json[]) : [];
  const plain =
    typeof first?.["type"] === "string" && scalars.has(first["type"]) && !("const" in first || "enum" in first);
  if (plain && second?.["type"] === "null" && more.length === 0) {
    return { ...first, type: [first["type"], "null"], ...rest };
  }
  const values: unknown = node["enum"];
  const texts = Array.isArray(values) && values.every((value) => typeof value === "string");
  return texts ? { type: "string", ...node } : node;
}

const scalars: ReadonlySet<string> = new Set(["string", "integer", "number", "boolean"]);

/** A schema as text, without its own description: what is noted on a field keeps its name. */
function shapeOf(schema: Json): string {
  const { description: _, ...shape } = schema;
  return JSON.stringify(shape);
}

function hasDescription(value: unknown): boolean {
  return typeof value === "object" && value !== null && "description" in value;
}
