import type { ErrorCode } from "@om/protocol";
import { OmError } from "./om-error.ts";

/** A `limit` parameter: a whole number from 1 to `max`, anything else is `fallback`. */
export function pageLimit(text: string | undefined, max: number, fallback: number): number {
  const value = /^\d{1,9}$/.test(text ?? "") ? Number(text) : 0;
  return value >= 1 && value <= max ? value : fallback;
}

/** An unsigned decimal that fits PostgreSQL's bigint and JavaScript's safe integers; undefined when it is anything else. */
export function wholeNumber(text: string | undefined): number | undefined {
  const value = /^\d{1,16}$/.test(text ?? "") ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** An id in a path. @throws OmError with this code when it is none */
export function readId(text: string | undefined, code: ErrorCode): number {
  const id = wholeNumber(text);
  if (id === undefined || id === 0) throw new OmError(code);
  return id;
}
