import type { Json } from "./schema-names.ts";

interface Shape {
  $ref?: string;
  anyOf?: Json[];
  properties?: Record<string, Json>;
  required?: string[];
  items?: Json;
  const?: unknown;
  enum?: unknown[];
  type?: string | string[];
  contentMediaType?: string;
}

/** A JSON Schema as a type of TypeScript, with what is noted on fields as comments; what has a name stands as its name. */
export function typeText(schema: Json): string {
  const shape: Shape = schema;
  const { $ref: ref, anyOf, properties, items, enum: values, type } = shape;
  if (ref !== undefined) return ref.slice(ref.lastIndexOf("/") + 1);
  if (anyOf !== undefined) return anyOf.map(typeText).join(" | ");
  if (properties !== undefined) return objectText(properties, new Set(shape.required));
  if (items !== undefined) return `(${typeText(items)})[]`;
  if ("const" in shape) return JSON.stringify(shape.const);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (shape.contentMediaType !== undefined) return "Uint8Array";
  if (type === undefined) return "unknown";
  return [type]
    .flat()
    .map((one) => (one === "integer" ? "number" : one))
    .join(" | ");
}

function objectText(properties: Record<string, Json>, required: ReadonlySet<string>): string {
  const fields = Object.entries(properties).map(
    ([name, schema]) => `${commentText(schema)}${name}${required.has(name) ? "" : "?"}: ${typeText(schema)};`,
  );
  return fields.length === 0 ? "{}" : `{\n${fields.join("\n").replaceAll(/^/gm, "  ")}\n}`;
}

/** What is noted on a schema, as a comment of its own line. */
export function commentText({ description }: Json): string {
  return typeof description === "string" ? `/** ${description.replaceAll("*/", "* /")} */\n` : "";
}
