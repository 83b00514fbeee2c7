import { expect, test } from "vitest";
import { inboundFrames } from "./frames.ts";
import { features } from "./routes.ts";

/** Use-cases take what is too much of these for the most that they allow. */
const clamped = new Set(["limit", "expires_in_seconds"]);

interface Shape {
  type?: string;
  maximum?: number;
  items?: Shape;
  anyOf?: Shape[];
  properties?: Record<string, Shape>;
}

/** Numbers without a bound, by their paths. */
function unbounded(shape: Shape, path: string): string[] {
  if (shape.type === "integer" || shape.type === "number") return shape.maximum === undefined ? [path] : [];
  return [
    ...(shape.items === undefined ? [] : unbounded(shape.items, path)),
    ...(shape.anyOf ?? []).flatMap((one) => unbounded(one, path)),
    ...Object.entries(shape.properties ?? {}).flatMap(([name, one]) =>
      clamped.has(name) ? [] : unbounded(one, `${path}.${name}`),
    ),
  ];
}

test("no number that a client sends is larger than PostgreSQL takes", () => {
  const bodies = Object.values(features).flatMap((feature) =>
    Object.entries(feature).map(([name, route]): [string, unknown] => [name, "body" in route ? route.body : {}]),
  );
  const inputs = [...bodies, ...Object.entries(inboundFrames)];
  expect(inputs.length).toBeGreaterThan(40);
  expect(inputs.flatMap(([name, shape]) => unbounded(shape as Shape, name))).toEqual([]);
  expect(unbounded({ properties: { a: { anyOf: [{ items: { type: "integer" } }] } } }, "x")).toEqual(["x.a"]);
});
