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

/** An id in a path; `least` is 0 where the contract lets that through and nothing has it. @throws OmError with this code when it is none */
export function parseId(text: string | undefined, code: ErrorCode, least = 1): number {
  const id = wholeNumber(text);
  if (id === undefined || id < least) throw new OmError(code);
  return id;
}
