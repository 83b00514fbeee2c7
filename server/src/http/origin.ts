import { isIP } from "node:net";

/** Whether a browser page may call: no Origin at all, an entry of the list exactly, or with an empty list the server's own. */
export type IsAllowedOrigin = (origin: string | undefined, host: string | undefined) => boolean;

/** @param publicUrls by which this server is reached; "": unknown */
export function createOriginPolicy(allowed: readonly string[], publicUrls: readonly string[] = []): IsAllowedOrigin {
  // Browsers send origins in lower case and without the usual port, however an operator writes them.
  const list = new Set(allowed.flatMap((entry) => [entry, entry.toLowerCase(), originOf(entry)]));
  const ownHosts = new Set(publicUrls.filter((url) => URL.canParse(url)).map((url) => new URL(url).host));
  return (origin, host) => {
    if (origin === undefined || origin === "") return true;
    if (list.size > 0) return list.has(origin);
    const [scheme = ""] = /^https?:\/\//.exec(origin) ?? [];
    const own = `${scheme}${host ?? ""}`;
    if (scheme === "" || !URL.canParse(own)) return false;
    const { host: name, origin: ownOrigin } = new URL(own);
    return origin === ownOrigin && (ownHosts.has(name) || isLocalName(name));
  };
}

/** As browsers write it; what is no address of the web stays as it is. */
function originOf(address: string): string {
  const origin = URL.canParse(address) ? new URL(address).origin : "null";
  return origin === "null" ? address : origin;
}

/**
 * Whether a Host names this machine without a name that anybody else could have given it: a page of a stranger whose own name leads here would
 * be of the same origin (DNS rebinding).
 */
export function isLocalName(host: string): boolean {
  const name = host.toLowerCase().replace(/:\d+$/, "");
  return name === "localhost" || name.endsWith(".localhost") || isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
}
