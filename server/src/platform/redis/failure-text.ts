const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection reset",
  ETIMEDOUT: "no connection in time",
  ENOTFOUND: "unknown host",
  EAI_AGAIN: "the host's name could not be looked up",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
};

/** Why a connection failed, for people and logs. */
export function failureText(error: unknown): string {
  // A name with several addresses fails with one error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return "unknown error";
  const { code } = first as NodeJS.ErrnoException;
  return words[code ?? ""] ?? (first.message || code || first.name);
}

/** An error reply as it may be told; of an unknown command Redis repeats the arguments, which are nobody's business. */
export function replyText({ message }: Error): string {
  return message.replace(/,? with args beginning with.*/s, "").slice(0, 300);
}
