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
