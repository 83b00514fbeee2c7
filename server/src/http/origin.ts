/** Whether a browser page may call: no Origin at all, an entry of the list exactly, or with an empty list the server's own. */
export type IsAllowedOrigin = (origin: string | undefined, host: string | undefined) => boolean;

export function createOriginPolicy(allowed: readonly string[]): IsAllowedOrigin {
  const list = new Set(allowed);
  return (origin, host) => {
    if (origin === undefined) return true;
    if (list.size > 0) return list.has(origin);
    return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
  };
}
