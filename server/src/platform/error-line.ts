/** An error as one line for people. The driver's errors carry what went wrong as their cause or as their code. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const text = error.message === "" && typeof code === "string" ? code : error.message;
  const cause = error.cause instanceof Error ? ` (${errorLine(error.cause)})` : "";
  return `${text}${cause}`.replaceAll(/\s+/g, " ");
}
