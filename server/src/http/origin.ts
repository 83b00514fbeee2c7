/** Whether a browser page may call: no Origin at all, an entry of the list exactly, or with an empty list the server's own. */
export type IsAllowedOrigin = (origin: string | undefined, host: string | undefined) => boolean;

export function createOriginPolicy(allowed: readonly string[]): IsAllowedOrigin {
  // Browsers send origins in lower case, however an operator writes them.
  const list = new Set(allowed.flatMap((entry) => [entry, entry.toLowerCase()]));
  return (origin, host) => {
    if (origin === undefined || origin === "") return true;
    if (list.size > 0) return list.has(origin);
    const own = host?.toLowerCase();
    return own !== undefined && own !== "" && [`http://${own}`, `https://${own}`].includes(origin);
  };
}
