const encoded = Symbol("encoded");

/** An answer that is JSON text already and goes out as it is; whoever makes it vouches that it fits the route's output. */
export interface JsonText {
  readonly [encoded]: true;
  readonly json: string | Buffer;
  /** Names these bytes; undefined: nobody asks whether they are still the same. */
  readonly etag: string | undefined;
}

export function jsonText(json: string | Buffer, etag?: string): JsonText {
  return { [encoded]: true, json, etag };
}

export function isJsonText(value: unknown): value is JsonText {
  return typeof value === "object" && value !== null && encoded in value;
}
