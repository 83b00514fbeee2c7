import fc from "fast-check";

/** What is read of a schema of the protocol. */
export interface Schema {
  type?: "object" | "array" | "integer" | "number" | "string" | "boolean" | "null";
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly Schema[];
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
}

const id = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 8 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 2 ** 31, 2 ** 53 - 1) },
);
/** Characters of every kind: surrogates alone, controls, direction marks, combining ones. */
const oddText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.constantFrom(
    "",
    " ",
    "\0",
    "\ud800",
    "\udc00\ud800",
    "a\0b",
    "\u202e\u200b",
    "x\r\ny: z",
    "e\u0301".repeat(50),
    "%",
    "_\\%",
  ),
  fc.nat({ max: 20_000 }).map((length) => "ß".repeat(length)),
);
const texts: Readonly<Record<string, fc.Arbitrary<string>>> = {
  client_id: fc.oneof(fc.uuid(), fc.string({ maxLength: 40 })),
  conversation_id: fc.oneof(
    fc.tuple(fc.constantFrom("user", "group"), id).map(([kind, id]) => `${kind}_${id}`),
    fc.tuple(id, id).map(([low, high]) => `user_${low}_${high}`),
  ),
  message_type: fc.constantFrom("text", "image", "file", "video"),
  status: fc.constantFrom("pending", "sent", "delivered", "read"),
  email: fc.oneof(
    fc.emailAddress(),
    fc.nat({ max: 9 }).map((i) => `fuzz_${i}@example.org`),
  ),
  username: fc.oneof(
    fc.stringMatching(/^[a-z_0-9]{1,40}$/),
    fc.nat({ max: 9 }).map((i) => `fuzz_${i}`),
  ),
  role: fc.constantFrom("admin", "member", "owner"),
  content: fc.oneof(
    fc.lorem(),
    fc.constantFrom("/api/media/attachments/1/a.png", "https://example.org/a.png", "//x/y"),
  ),
};

const textOf = (name: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: texts[name] ?? fc.lorem({ maxCount: 3 }) }, { weight: 1, arbitrary: oddText });

/** Values that fit a schema; the names of the fields tell what kind of text goes into them. */
export function fitting(schema: Schema, name = ""): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => fitting(one, name)));
  switch (schema.type) {
    case "object": {
      const fields = Object.entries(schema.properties ?? {}).map(([key, one]) => [key, fitting(one, key)] as const);
      return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] });
    }
    case "array":
      return fc.array(fitting(schema.items ?? {}, name), { maxLength: 6 });
    case "integer":
    case "number":
      return id;
    case "string":
      return textOf(name);
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case undefined:
  }
  return fc.jsonValue({ maxDepth: 3 });
}

/** Pieces of JSON that parsers have stumbled over; some are none. */
const oddJson = fc.oneof(
  fc.constantFrom(
    "null",
    "-0",
    "1e400",
    "-1e-400",
    "9007199254740993",
    "true",
    "NaN",
    "01",
    '"\\ud800"',
    '"\\u0000"',
    '"\\x"',
  ),
  fc.constantFrom(
    '{"__proto__":{"a":1}}',
    '{"constructor":{"prototype":1}}',
    '{"a":1,"a":2}',
    '{"toString":0}',
    "[,]",
    "{",
    "",
  ),
  fc.nat({ max: 4_000 }).map((digits) => `1${"0".repeat(digits)}`),
  deep("[", "]"),
  deep('{"a":', "}", "1"),
  fc.nat({ max: 20_000 }).map((wide) => `[${Array(wide).fill("0").join(",")}]`),
  fc.nat({ max: 3_000 }).map((wide) => `{${Array.from({ length: wide }, (_, i) => `"k${i}":0`).join(",")}}`),
  oddText.map((text) => JSON.stringify(text)),
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
);

function deep(open: string, close: string, core = ""): fc.Arbitrary<string> {
  return fc.nat({ max: 20_000 }).map((depth) => `${open.repeat(depth)}${core}${close.repeat(depth)}`);
}

/** A place in a JSON text that is filled with something odd later. */
const hole = "\u0001hole";

/** JSON that fits a schema but for one field, which is odd, or one key that is nobody's. */
function nearly(schema: Schema): fc.Arbitrary<string> {
  const keys = [...Object.keys(schema.properties ?? {}), "extra", "__proto__"];
  return fc.tuple(fitting(schema), fc.constantFrom(...keys), oddJson).map(([value, key, odd]) => {
    const object = typeof value === "object" && value !== null ? value : {};
    const entries = [...Object.entries(object).filter(([name]) => name !== key), [key, hole]] as [string, unknown][];
    return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${one === hole ? odd : JSON.stringify(one)}`).join(",")}}`;
  });
}

/** JSON that fits, JSON that nearly does, and what is none at all. */
export function bodyText(schema: Schema): fc.Arbitrary<string> {
  const right = fitting(schema).map((value) => JSON.stringify(value) ?? "");
  return fc.oneof(
    { weight: 5, arbitrary: right },
    { weight: 5, arbitrary: nearly(schema) },
    { weight: 1, arbitrary: oddJson },
    { weight: 1, arbitrary: cut(right) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom("\ufeff", " ".repeat(5_000), "\0", ")]}',\n"), right)
        .map((parts) => parts.join("")),
    },
  );
}

/** A text that ends too early, or has something foreign within. */
function cut(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(
      texts,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom("", "\0", '"', "}", "\\", "\ud800"),
      fc.boolean(),
    )
    .map(([text, at, foreign, goesOn]) => {
      const place = Math.floor(text.length * at);
      return `${text.slice(0, place)}${foreign}${goesOn ? text.slice(place) : ""}`;
    });
}

export { id as smallId, oddText };
