import type { Json } from "@om/protocol/openapi";
import { escapeHtml } from "./escape-html.ts";

/** Plain text as HTML, `such words` as code. */
export function inline(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

/** A JSON Schema as people write a shape down: indented, with `?` behind what may be absent and links to what has a name. */
export function schemaHtml(schema: Json, indent = ""): string {
  const shape: Shape = schema;
  const { $ref: ref, anyOf, properties, items, const: fixed, enum: values, type } = shape;
  if (ref !== undefined) {
    const name = escapeHtml(ref.slice(ref.lastIndexOf("/") + 1));
    return `<a href="#part-${name}">${name}</a>`;
  }
  if (anyOf !== undefined) return anyOf.map((part) => schemaHtml(part, indent)).join(" | ");
  if (properties !== undefined) return objectHtml(shape, indent);
  if (items !== undefined) return listHtml(items, indent);
  if (fixed !== undefined) return escapeHtml(JSON.stringify(fixed));
  if (values !== undefined) return values.map((value) => escapeHtml(JSON.stringify(value))).join(" | ");
  if (shape.contentMediaType !== undefined) return "bytes";
  const types = type === undefined ? ["anything"] : [type].flat();
  return types.map((one) => `${escapeHtml(one)}${one === "null" ? "" : boundHtml(shape)}`).join(" | ");
}

/** The same, and of a named schema what it is. */
export function openedHtml(schema: Json, named: Record<string, Json>): string {
  const { $ref: ref }: Shape = schema;
  const meant = ref === undefined ? undefined : named[ref.slice(ref.lastIndexOf("/") + 1)];
  return meant === undefined ? schemaHtml(schema) : `${schemaHtml(schema)} ${schemaHtml(meant)}`;
}

interface Shape {
  $ref?: string;
  anyOf?: Json[];
  properties?: Record<string, Json>;
  required?: string[];
  items?: Json;
  const?: unknown;
  enum?: unknown[];
  type?: string | string[];
  minimum?: number;
  description?: string;
  contentMediaType?: string;
}

function objectHtml({ properties = {}, required = [] }: Shape, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, schema]) => {
    const mark = required.includes(name) ? "" : "?";
    const { description }: Shape = schema;
    const note = description === undefined ? "" : ` <i>${inline(description)}</i>`;
    return `${inner}<b>${escapeHtml(name)}</b>${mark}: ${schemaHtml(schema, inner)}${note}\n`;
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join("")}${indent}}`;
}

function listHtml(items: Json, indent: string): string {
  const item = schemaHtml(items, indent);
  return "anyOf" in items || "enum" in items || Array.isArray(items["type"]) ? `(${item})[]` : `${item}[]`;
}

function boundHtml({ minimum }: Shape): string {
  return minimum === undefined ? "" : ` ≥ ${minimum}`;
}
