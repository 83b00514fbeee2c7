import type { RouteBody, RouteName, RouteOutput, routes } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";

/** What a use-case behind a route is told. */
export interface RouteRequest<N extends RouteName> {
  /** The verified caller; only routes with `auth: "token"` have one. */
  caller: (typeof routes)[N]["auth"] extends "token" ? Caller : undefined;
  params: Record<string, string>;
  /** The first value of each query parameter. */
  query: Record<string, string | undefined>;
  body: RouteBody<N>;
  /** Of the cookie; "" when there is none. */
  refreshToken: string;
  /** Of the client, as far as TRUST_PROXY lets it be known. */
  address: string;
  userAgent: string;
}

/** An answer that may be cached by its tag: a matching If-None-Match gets 304. */
export interface Tagged<T> {
  body: T;
  tag: string;
}

type Answer<N extends RouteName> = N extends "me" ? Tagged<RouteOutput<N>> : RouteOutput<N>;

/** One use-case per route; a forgotten one is a compile error. */
export type Handlers = { [N in RouteName]: (request: RouteRequest<N>) => Promise<Answer<N>> };
