import pg from "pg";

/** `2026-03-04 05:06:07.5+00` (session time zone UTC) → `2026-03-04T05:06:07.5Z`: no Date between, so microseconds stay. */
export function wireTime(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11, -3)}Z`;
}

/** int8 as number (ids stay far below 2^53), timestamptz as the wire's text, the rest as pg does it. */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (format !== "binary" && oid === pg.types.builtins.INT8) return Number;
    if (format !== "binary" && oid === pg.types.builtins.TIMESTAMPTZ) return wireTime;
    return pg.types.getTypeParser(oid, format);
  },
};
