import type { Json } from "../schema-names.ts";

/** Every `$ref` in a document. */
export function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : references(inner),
  );
}

/** What a `$ref` into the same document points at. */
export function resolve(document: Json, ref: string): unknown {
  const path = ref.replace(/^#\//, "").split("/");
  return path.reduce<unknown>((node, key) => (node as Json | undefined)?.[key], document);
}

/** Schemas of a document as plain JSON Schema: those of `components` under `$defs`, found as `wire#/$defs/<name>`. */
export function asDefinitions(schemas: Json): Json {
  const text = JSON.stringify(schemas).replaceAll("#/components/schemas/", "wire#/$defs/");
  return { $id: "wire", $defs: JSON.parse(text) as Json };
}
