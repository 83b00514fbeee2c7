import { openTestSocket, type TestSocket } from "./chat-server.ts";
import { createCookieJar, domainOf, isWithin, type CookieJar } from "./cookie-jar.ts";
import type { TestServer } from "./test-server.ts";

/** Where the pages and their proxy are, and where the sockets go. */
export const webHost = "app.example.org";
export const socketHost = "ws.example.org";
export const webOrigin = `https://${webHost}`;

/** What the proxy hands to the page: status, Content-Type and body; of the rest only cookies, which the browser keeps. */
interface Relayed {
  status: number;
  type: string;
  text: string;
}

/** One call as the server saw it. */
interface Seen {
  call: string;
  status: number;
  csrf: string | undefined;
}

/** The web client of wire contract §7.1 and §7.2 in one browser, behind its proxy. */
export interface WebClient {
  jar: CookieJar;
  /** Everything that went to the server, in order. */
  seen: Seen[];
  /** A call as the page makes it: fetches a CSRF token if there is none, refreshes once after a 401 and tries again. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Opens the socket of a chat: the cookie of its host and the page's Origin, no query. */
  openChat(): Promise<TestSocket>;
  /** Whether the page guard takes the visitor for logged in. */
  isLoggedIn(): boolean;
}

/** @param faults takes what is wrong with frames that do not fit the protocol */
export function createWebClient(server: TestServer, now: () => number, faults: unknown[]): WebClient {
  const jar = createCookieJar(now);
  const seen: Seen[] = [];

  /** The proxy forwards four headers, and sends its own Origin where the browser sends none. */
  async function relay(method: string, path: string, given: { body?: unknown; csrf?: string }): Promise<Relayed> {
    const cookie = jar.header(webHost);
    const headers = {
      ...(cookie === "" ? {} : { cookie }),
      ...(given.body === undefined ? {} : { "content-type": "application/json" }),
      origin: webOrigin,
      ...(given.csrf === undefined ? {} : { "x-om-csrf": given.csrf }),
    };
    const body = given.body === undefined ? {} : { body: JSON.stringify(given.body) };
    const answer = await server.request(method, `/api${path}`, { headers, ...body });
    seen.push({ call: `${method} ${path}`, status: answer.status, csrf: given.csrf });
    for (const setCookie of answer.cookies) {
      const domain = domainOf(setCookie);
      const fits = domain === undefined || isWithin(webHost, domain);
      jar.take(webHost, fits ? setCookie : setCookie.replace(/;\s*domain=[^;]+/i, ""));
    }
    const { status, text } = answer;
    if (status === 204 || status === 304) return { status: 500, type: "text/plain", text: "Invalid response status" };
    return { status, type: answer.headers["content-type"] ?? "", text };
  }

  async function csrfFor(method: string): Promise<{ csrf?: string }> {
    if (method === "GET") return {};
    if (jar.readable(webHost, "om_csrf") === undefined) parsed(await relay("GET", "/auth/csrf", {}));
    const csrf = jar.readable(webHost, "om_csrf");
    return csrf === undefined ? {} : { csrf };
  }

  return {
    jar,
    seen,
    async call(method, path, body) {
      const given = { body, ...(await csrfFor(method)) };
      const first = await relay(method, path, given);
      if (first.status !== 401) return parsed(first);
      const refreshed = await relay("POST", "/auth/refresh", {});
      return parsed(refreshed.status === 200 ? await relay(method, path, given) : first);
    },
    async openChat() {
      const headers = { origin: webOrigin, cookie: jar.header(socketHost) };
      const { caughtUp, socket } = await openTestSocket(`${server.url.replace("http", "ws")}/ws`, faults, { headers });
      await caughtUp;
      return socket;
    },
    isLoggedIn: () => ["om_access", "om_refresh"].some((name) => (jar.value(webHost, name) ?? "") !== ""),
  };
}

/** @throws Error when a success is not JSON */
function parsed({ status, type, text }: Relayed): { status: number; body: Record<string, unknown> } {
  const isJson = type.startsWith("application/json");
  if (status < 300 && !isJson) throw new Error(`${status} came as ${type}`);
  return { status, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : { error: text } };
}
