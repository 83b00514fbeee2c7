import {
  routes,
  type AuthAnswer,
  type RouteBody,
  type RouteName,
  type RouteOutput,
  type RouteParams,
  type RouteQuery,
  type UploadRouteName,
} from "@om/protocol";
import { parseResponse, responseBytes } from "./api-error.ts";
import { createSender, type Headers, type RawInput } from "./send-request.ts";
import { decodeClaims, type Tokens, type TokenStore } from "./tokens.ts";

type Params<N extends RouteName> = Record<keyof RouteParams<N>, string | number>;
type Query<N extends RouteName> = { [K in keyof RouteQuery<N>]?: string | number | undefined };

/** What a call needs beside its name: path parameters, a query, a body or a file exactly where the route has them. */
export type CallInput<N extends RouteName> = {
  query?: RouteQuery<N> extends undefined ? undefined : Query<N>;
  signal?: AbortSignal;
} & ({} extends Params<N> ? { params?: undefined } : { params: Params<N> }) &
  (RouteBody<N> extends undefined ? { body?: undefined } : { body: RouteBody<N> }) &
  (N extends UploadRouteName ? { file: Blob } : { file?: undefined });
type CallArguments<N extends RouteName> = {} extends CallInput<N> ? [CallInput<N>?] : [CallInput<N>];

type Entering = "register" | "login" | "logout" | "refresh";

/** One method per route. They throw OmApiError, or TypeError or a DOMException when no answer came. */
type RouteCalls = {
  [N in Exclude<RouteName, Entering>]: (...input: CallArguments<N>) => Promise<RouteOutput<N>>;
};

export interface Api extends RouteCalls {
  readonly baseUrl: string;
  /** Any route by its name. */
  call<N extends RouteName>(name: N, ...input: CallArguments<N>): Promise<RouteOutput<N>>;
  /** Both log in: their tokens are kept. */
  register(body: RouteBody<"register">): Promise<AuthAnswer>;
  login(body: RouteBody<"login">): Promise<AuthAnswer>;
  logout(): Promise<void>;
  /** Fresh tokens; many callers at once make one request. */
  refresh(): Promise<Tokens>;
  /** The access token, renewed when it is about to expire; undefined when nobody is logged in, "" when cookies carry it. */
  accessToken(): Promise<string | undefined>;
}

export interface ApiOptions {
  /** Such as `https://chat.example.org`. */
  baseUrl: string;
  /** Without it the session is in the HttpOnly cookies of the page that calls its own origin, where no script can read a token. */
  tokens?: TokenStore;
  fetch?: typeof fetch;
  /** How long one call may take, and one that carries a file, in ms. */
  timeoutMs?: number;
  fileTimeoutMs?: number;
  /** How long one call may wait altogether when the server asks to come back later, in ms; default one minute. */
  patienceMs?: number;
}

/** Seconds before its end at which an access token is renewed. */
const renewAhead = 30;

/** One typed method per route, with bearer tokens that renew themselves. */
export function createApi(options: ApiOptions): Api {
  const { tokens = cookieSession } = options;
  const send = createSender(options);
  let refreshing: Promise<Tokens> | undefined;

  async function call(name: RouteName, input: RawInput = {}): Promise<unknown> {
    const response = await answerTo(name, input);
    return "file" in routes[name] ? responseBytes(response) : parseResponse(response);
  }

  async function answerTo(name: RouteName, input: RawInput): Promise<Response> {
    if (routes[name].auth !== "token") return send(name, input, {});
    const used = tokens.load()?.accessToken;
    const response = await send(name, input, credentials(used));
    if (response.status !== 401 || !mayRefresh(tokens)) return response;
    await response.body?.cancel();
    // Somebody else may have renewed it meanwhile.
    if (tokens.load()?.accessToken === used) await refresh();
    return send(name, input, credentials(tokens.load()?.accessToken));
  }

  function refresh(): Promise<Tokens> {
    refreshing ??= send("refresh", {}, refreshCookie(tokens))
      .then(parseResponse)
      .then((answer) => keep(answer as AuthAnswer))
      .finally(() => (refreshing = undefined));
    return refreshing;
  }

  function keep(answer: AuthAnswer): Tokens {
    const next = { accessToken: answer.access_token, refreshToken: answer.refresh_token };
    tokens.save(next);
    return next;
  }

  async function signIn(name: "register" | "login", body: unknown): Promise<AuthAnswer> {
    const answer = (await call(name, { body })) as AuthAnswer;
    keep(answer);
    return answer;
  }

  const calls = Object.keys(routes).map((name) => [name, (input: RawInput) => call(name as RouteName, input)]);
  return {
    ...(Object.fromEntries(calls) as RouteCalls),
    baseUrl: options.baseUrl,
    call: call as Api["call"],
    refresh,
    register: (body) => signIn("register", body),
    login: (body) => signIn("login", body),
    async logout() {
      const headers = { ...refreshCookie(tokens), ...csrfHeader() };
      tokens.save(undefined);
      await parseResponse(await send("logout", {}, headers));
    },
    async accessToken() {
      if (tokens === cookieSession) return "";
      const token = tokens.load()?.accessToken;
      if (token === undefined && !mayRefresh(tokens)) return undefined;
      if (token !== undefined && decodeClaims(token).secondsLeft > renewAhead) return token;
      return (await refresh()).accessToken;
    },
  };
}

const cookieSession: TokenStore = { load: () => undefined, save: () => undefined };

function credentials(token: string | undefined): Headers {
  return token === undefined ? csrfHeader() : { Authorization: `Bearer ${token}` };
}

/** A browser's cookies are its own business: it sends them itself and does not let a page set them. */
function isBrowser(): boolean {
  return "document" in globalThis || "WorkerGlobalScope" in globalThis;
}

/** A page that was just loaded holds no token, but its cookie may still be good. */
function mayRefresh(tokens: TokenStore): boolean {
  return isBrowser() || tokens.load() !== undefined;
}

function refreshCookie(tokens: TokenStore): Headers {
  const token = tokens.load()?.refreshToken;
  return token === undefined || isBrowser() ? {} : { Cookie: `om_refresh=${token}` };
}

/** Proof that our own page asks, for calls that carry no bearer token. */
function csrfHeader(): Headers {
  const [, token] = /(?:^|; )om_csrf=([^;]*)/.exec("document" in globalThis ? document.cookie : "") ?? [];
  return token === undefined ? {} : { "X-OM-CSRF": token };
}
