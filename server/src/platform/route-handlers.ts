import type {
  features,
  FileRouteName,
  RouteBody,
  RouteName,
  RouteOutput,
  RouteParams,
  RouteQuery,
  routes,
  UploadRouteName,
} from "@om/protocol";
import type { Actor, Caller } from "./caller.ts";
import type { FileResponse } from "./file-response.ts";
import type { JsonText } from "./json-text.ts";
import type { ReceiveFile } from "./upload.ts";

/** What a use-case behind a route is told. */
export interface RouteRequest<N extends RouteName> {
  /** The verified caller; only routes with `auth: "token"` have one. */
  caller: (typeof routes)[N]["auth"] extends "token" ? Caller : undefined;
  /** The caller as the audit log names it; of a route without a token nobody. */
  actor: Actor & { userId: (typeof routes)[N]["auth"] extends "token" ? number : undefined };
  params: RouteParams<N>;
  /** The first value of each query parameter that the route describes. */
  query: RouteQuery<N>;
  body: RouteBody<N>;
  /** Path and query as they were sent. */
  url: string;
  /** Reads the file that comes with the request. */
  receive: N extends UploadRouteName ? ReceiveFile : undefined;
  /** Of the cookie; "" when there is none. */
  refreshToken: string;
  /** Of the client, as far as TRUST_PROXY lets it be known; of IPv6 the /48 network. For limits, not for show. */
  address: string;
  /** What the browser was given at an earlier login, or is given if this one succeeds. */
  device: string;
  userAgent: string;
}

/** An answer that may be cached by its ETag: a matching If-None-Match gets 304. */
export interface WithEtag<T> {
  body: T;
  etag: string;
}

/** Auth answers are read for their tokens, so they are never text. */
type RouteResult<N extends RouteName> = N extends "me"
  ? WithEtag<RouteOutput<N>>
  : N extends "register" | "login" | "refresh"
    ? RouteOutput<N>
    : N extends FileRouteName
      ? FileResponse
      : RouteOutput<N> | JsonText;

/** One use-case per route; a forgotten one is a compile error. */
export type Handlers = { [N in RouteName]: (request: RouteRequest<N>) => Promise<RouteResult<N>> };
/** The use-cases behind the routes that the route table has under some features. */
export type RoutesOf<F extends keyof typeof features> = Pick<
  Handlers,
  { [K in F]: keyof (typeof features)[K] & RouteName }[F]
>;
