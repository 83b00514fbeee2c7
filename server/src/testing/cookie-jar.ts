/** The cookies of one browser, which speaks https with every host. */
export interface CookieJar {
  /** Takes a Set-Cookie value from `host`; one for a domain that the host is not in is dropped. */
  take(host: string, setCookie: string): void;
  /** The Cookie header that goes to `host`; "" when there is none. */
  header(host: string): string;
  /** What a server of `host` sees of one cookie. */
  value(host: string, name: string): string | undefined;
  /** What a page of `host` sees of one cookie: nothing of those that are HttpOnly. */
  readable(host: string, name: string): string | undefined;
}

interface Cookie {
  name: string;
  value: string;
  domain: string;
  /** No Domain attribute: only for the very host that set it. */
  hostOnly: boolean;
  httpOnly: boolean;
  expires: number;
}

export function createCookieJar(now: () => number): CookieJar {
  let cookies: Cookie[] = [];
  const sentTo = (host: string): Cookie[] =>
    cookies.filter(
      ({ domain, hostOnly, expires }) => expires > now() && (hostOnly ? host === domain : isWithin(host, domain)),
    );
  return {
    take(host, setCookie) {
      const cookie = read(setCookie, host);
      if (!cookie.hostOnly && !isWithin(host, cookie.domain)) return;
      cookies = cookies.filter(({ name, domain }) => name !== cookie.name || domain !== cookie.domain);
      cookies.push(cookie);
    },
    header: (host) =>
      sentTo(host)
        .map(({ name, value }) => `${name}=${value}`)
        .join("; "),
    value: (host, wanted) => sentTo(host).find(({ name }) => name === wanted)?.value,
    readable: (host, wanted) => sentTo(host).find(({ name, httpOnly }) => name === wanted && !httpOnly)?.value,
  };
}

/** Whether a cookie of this domain goes to the host. */
export function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

/** The Domain attribute of a Set-Cookie value, without its leading dot. */
export function domainOf(setCookie: string): string | undefined {
  return /;\s*domain=\.?([^;]+)/i.exec(setCookie)?.[1];
}

function read(setCookie: string, host: string): Cookie {
  const [pair = "", ...attributes] = setCookie.split(/;\s*/);
  const [, name = "", value = ""] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
  const domain = domainOf(setCookie);
  const expires = attributes.find((one) => /^expires=/i.test(one))?.slice("expires=".length);
  return {
    name,
    value,
    domain: domain ?? host,
    hostOnly: domain === undefined,
    httpOnly: attributes.some((one) => one.toLowerCase() === "httponly"),
    expires: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires),
  };
}
