/** Whether a browser page may call: no Origin at all, an entry of the list exactly, or with an empty list the server's own. */
export type IsAllowedOrigin = (origin: string | undefined, host: string | undefined) => boolean;

export function createOriginPolicy(allowed: readonly string[]): IsAllowedOrigin {
  // Browsers send origins in lower case and without the usual port, however an operator writes them.
  const list = new Set(allowed.flatMap((entry) => [entry, entry.toLowerCase(), originOf(entry)]));
  return (origin, host) => {
    if (origin === undefined || origin === "") return true;
    if (list.size > 0) return list.has(origin);
    // Proxies name the usual port or leave it out.
    return (host ?? "") !== "" && [originOf(`http://${host}`), originOf(`https://${host}`)].includes(origin);
  };
}

/** As browsers write it; what is no address of the web stays as it is. */
function originOf(address: string): string {
  const origin = URL.canParse(address) ? new URL(address).origin : "null";
  return origin === "null" ? address.toLowerCase() : origin;
}
