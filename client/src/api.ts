import { routes, type AuthAnswer, type Route, type RouteBody, type RouteName, type RouteOutput } from "@om/protocol";

/** What keeps a user logged in. In a browser the refresh token also lives in a cookie. */
export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

/** Where tokens live; `save(undefined)` forgets them. */
export interface TokenStore {
  load(): Tokens | undefined;
  save(tokens: Tokens | undefined): void;
}

export function memoryTokens(tokens?: Tokens): TokenStore {
  let held = tokens;
  return { load: () => held, save: (next) => void (held = next) };
}

/** An answer that is not 2xx. `retry`: the same call may succeed later. `code` is "" when the server did not name one. */
export class OmApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retry: boolean;
  readonly requestId: string;

  constructor(status: number, answer: { error?: string; code?: string; request_id?: string }) {
    super(answer.error ?? `HTTP ${status}`);
    this.status = status;
    this.code = answer.code ?? "";
    this.retry = status === 429 || status >= 500;
    this.requestId = answer.request_id ?? "";
  }
}

type Query = Record<string, string | number | undefined>;
/** What a call needs beside its name: path parameters, query, and a body exactly where the route has one. */
export type CallInput<N extends RouteName> = {
  params?: Record<string, string | number>;
  query?: Query;
} & (RouteBody<N> extends undefined ? { body?: undefined } : { body: RouteBody<N> });

/** The same, as far as the sender of a request cares. */
interface RawInput {
  params?: Record<string, string | number>;
  query?: Query;
  body?: unknown;
}

export interface Api {
  /** @throws OmApiError; TypeError or TimeoutError when there was no answer */
  call<N extends RouteName>(
    name: N,
    ...input: {} extends CallInput<N> ? [CallInput<N>?] : [CallInput<N>]
  ): Promise<RouteOutput<N>>;
  register(body: RouteBody<"register">): Promise<AuthAnswer>;
  login(body: RouteBody<"login">): Promise<AuthAnswer>;
  logout(): Promise<void>;
  /** A fresh access token; many callers at once make one request. */
  refresh(): Promise<Tokens>;
  /** The access token, renewed when it is about to expire; undefined when nobody is logged in. */
  accessToken(): Promise<string | undefined>;
}

export interface ApiOptions {
  /** Such as `https://chat.example.org`. */
  baseUrl: string;
  tokens: TokenStore;
  fetch?: typeof fetch;
  /** How long one call may take, in ms. */
  timeoutMs?: number;
}

type Send = (name: RouteName, input: RawInput, headers: Record<string, string>) => Promise<Response>;

/** One typed method per route, with bearer tokens that renew themselves. */
export function createApi(options: ApiOptions): Api {
  const { tokens } = options;
  const send = createSender(options);
  let refreshing: Promise<Tokens> | undefined;

  async function call(name: RouteName, input: RawInput = {}): Promise<unknown> {
    const needsToken = routes[name].auth === "token";
    const bearer = (): Record<string, string> => {
      const token = needsToken ? tokens.load()?.accessToken : undefined;
      return token === undefined ? {} : { Authorization: `Bearer ${token}` };
    };
    let response = await send(name, input, bearer());
    if (response.status === 401 && needsToken && tokens.load() !== undefined) {
      await response.arrayBuffer();
      await refresh();
      response = await send(name, input, bearer());
    }
    return read(response);
  }

  function refresh(): Promise<Tokens> {
    refreshing ??= send("refresh", {}, refreshCookie(tokens))
      .then(read)
      .then((answer) => keep(answer as AuthAnswer))
      .finally(() => (refreshing = undefined));
    return refreshing;
  }

  function keep(answer: AuthAnswer): Tokens {
    const next = { accessToken: answer.access_token, refreshToken: answer.refresh_token };
    tokens.save(next);
    return next;
  }

  async function enter(name: "register" | "login", body: unknown): Promise<AuthAnswer> {
    const answer = (await call(name, { body })) as AuthAnswer;
    keep(answer);
    return answer;
  }

  return {
    call: call as Api["call"],
    refresh,
    register: (body) => enter("register", body),
    login: (body) => enter("login", body),
    async logout() {
      const cookie = refreshCookie(tokens);
      tokens.save(undefined);
      await read(await send("logout", {}, cookie));
    },
    async accessToken() {
      const token = tokens.load()?.accessToken;
      if (token === undefined || secondsLeft(token) > 30) return token;
      return (await refresh()).accessToken;
    },
  };
}

function createSender({ baseUrl, fetch: request = fetch, timeoutMs = 15_000 }: ApiOptions): Send {
  return (name, input, headers) => {
    const { method, path }: Route = routes[name];
    const hasBody = input.body !== undefined;
    return request(`${baseUrl}${fillPath(path, input.params)}${queryText(input.query)}`, {
      method,
      headers: { ...headers, ...(hasBody ? { "Content-Type": "application/json" } : {}) },
      ...(hasBody ? { body: JSON.stringify(input.body) } : {}),
      credentials: "include",
      signal: AbortSignal.timeout(timeoutMs),
    });
  };
}

/** A browser sends the cookie itself, and does not let us. */
function refreshCookie(tokens: TokenStore): Record<string, string> {
  const token = tokens.load()?.refreshToken;
  return token === undefined ? {} : { Cookie: `om_refresh=${token}` };
}

async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  if (response.ok) return isJson && text !== "" ? JSON.parse(text) : undefined;
  throw new OmApiError(response.status, isJson ? (JSON.parse(text) as object) : { error: text });
}

function fillPath(path: string, params: Record<string, string | number> = {}): string {
  return path.replaceAll(/:([a-z_]+)/g, (_, name: string) => encodeURIComponent(String(params[name] ?? "")));
}

function queryText(query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

/** Until the token expires, by its own word; 0 when it cannot be read. */
function secondsLeft(token: string): number {
  try {
    const claims = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))) as {
      exp?: number;
    };
    return (claims.exp ?? 0) - Date.now() / 1000;
  } catch {
    return 0;
  }
}
