import { parse } from "cookie";
import type { Config } from "../config.ts";

type CookieSettings = Pick<Config, "cookieSecure" | "cookieDomain" | "cookieSameSite" | "publicApiBaseUrl">;

/** The cookies of wire contract §3.2, as Set-Cookie values. */
export interface Cookies {
  session(tokens: { access: string; refresh: string; csrf: string }): string[];
  csrf(token: string): string;
  /** For a logout; `everything`: the CSRF token too. */
  cleared(everything?: boolean): string[];
}

const accessSeconds = 900;
const refreshSeconds = 7 * 24 * 3600;

export function createCookies(settings: CookieSettings, now: () => number): Cookies {
  const secure = settings.cookieSecure || settings.cookieSameSite === "None" || isHttps(settings.publicApiBaseUrl);
  const cookie = (
    name: string,
    value: string,
    more: { expires: number; httpOnly: boolean; sameSite?: string },
  ): string =>
    [
      `${name}=${value}`,
      `expires=${new Date(more.expires).toUTCString()}`,
      ...(settings.cookieDomain === "" ? [] : [`domain=${settings.cookieDomain}`]),
      "path=/",
      ...(more.httpOnly ? ["HttpOnly"] : []),
      ...(secure ? ["secure"] : []),
      ...sameSite(more.sameSite ?? settings.cookieSameSite),
    ].join("; ");
  const csrf = (token: string): string =>
    cookie("om_csrf", token, { expires: now() + refreshSeconds * 1000, httpOnly: false });
  return {
    csrf,
    session: (tokens) => [
      cookie("om_access", tokens.access, { expires: now() + accessSeconds * 1000, httpOnly: true }),
      cookie("om_refresh", tokens.refresh, { expires: now() + refreshSeconds * 1000, httpOnly: true }),
      csrf(tokens.csrf),
    ],
    cleared: (everything = false) => [
      ...["om_access", "om_refresh"].map((name) => cookie(name, "", { expires: 0, httpOnly: true, sameSite: "Lax" })),
      ...(everything ? [cookie("om_csrf", "", { expires: 0, httpOnly: false, sameSite: "Lax" })] : []),
    ],
  };
}

/** Whether people reach the server by https only. */
export function isHttps(publicUrl: string): boolean {
  return publicUrl.toLowerCase().startsWith("https:");
}

function sameSite(value: string): string[] {
  return value === "Disabled" ? [] : [`SameSite=${value}`];
}

/** The cookies of a request that concern us; "" for those that are missing. */
export function parseCookies(header: string | undefined): { access: string; refresh: string; csrf: string } {
  const cookies = parse(header ?? "");
  return { access: cookies["om_access"] ?? "", refresh: cookies["om_refresh"] ?? "", csrf: cookies["om_csrf"] ?? "" };
}
