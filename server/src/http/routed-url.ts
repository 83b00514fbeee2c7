/**
 * The address as the router sees it: without scheme and host, without trailing slashes, and with `%` and `#` escaped, so that
 * nothing is percent-decoded (wire contract §2.2) and whoever looks at the path sees what the router sees. Media are found without `/api`
 * as well: PUBLIC_API_BASE_URL may lack it.
 */
export function routedUrl(url: string): string {
  const mark = url.indexOf("?");
  const given = (mark < 0 ? url : url.slice(0, mark)).replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
  let end = given.length;
  while (end > 0 && given[end - 1] === "/") end -= 1;
  const path = given.slice(0, end).replaceAll("%", "%25").replaceAll("#", "%23");
  const routed = /^\/media\//i.test(path) ? `/api${path}` : path;
  return `${routed === "" ? "/" : routed}${mark < 0 ? "" : url.slice(mark)}`;
}

/** The path of a routed address in lower case: what decides which rules hold. */
export function pathOf(routed: string): string {
  return (routed.split("?", 1)[0] ?? "").toLowerCase();
}

/** Everything under /api is protected unless a route says otherwise. */
export function isApi(routed: string): boolean {
  return /^\/api(?:\/|$)/.test(pathOf(routed));
}

/** The first value of each query parameter. */
export function parseQuery(text: string): Record<string, string> {
  const entries = [...new URLSearchParams(text)].toReversed();
  return Object.fromEntries(entries);
}
