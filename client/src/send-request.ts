import { routes, type Route, type RouteName } from "@om/protocol";
import { sleep } from "./waiting.ts";

export type Headers = Record<string, string>;

/** What a call brings along, as far as the sender of a request cares. */
export interface RawInput {
  params?: Record<string, string | number> | undefined;
  query?: Record<string, string | number | undefined> | undefined;
  body?: unknown;
  file?: Blob | undefined;
  signal?: AbortSignal;
}

export type Send = (name: RouteName, input: RawInput, headers: Headers) => Promise<Response>;

interface SendOptions {
  baseUrl: string;
  fetch?: typeof fetch;
  timeoutMs?: number;
  fileTimeoutMs?: number;
  patienceMs?: number;
}

/**
 * One request per call, which fails when no answer came in time. It is made again when the server asks to come back later (429 with
 * `Retry-After`), but for a login: there somebody waits.
 */
export function createSender(options: SendOptions): Send {
  const { patienceMs = 60_000 } = options;
  const sendOnce = createSingleSender(options);
  return async (name, input, headers) => {
    let patience = name === "login" || name === "register" ? 0 : patienceMs;
    for (;;) {
      const response = await sendOnce(name, input, headers);
      const wait = response.status === 429 ? retryAfterMs(response) : undefined;
      if (wait === undefined || wait > patience) return response;
      await response.body?.cancel();
      patience -= wait;
      await sleep(wait, input.signal);
      input.signal?.throwIfAborted();
    }
  };
}

function retryAfterMs({ headers }: Response): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.max(1, seconds) * 1000 : undefined;
}

function createSingleSender(options: SendOptions): Send {
  const { baseUrl, fetch: request = fetch, timeoutMs = 15_000, fileTimeoutMs = 300_000 } = options;
  return (name, { params, query, signal, ...input }, headers) => {
    const route: Route = routes[name];
    const carriesFile = route.upload !== undefined || route.file === true;
    const deadline = AbortSignal.timeout(carriesFile ? fileTimeoutMs : timeoutMs);
    const { body, type } = bodyOf(route, input);
    return request(`${baseUrl.replace(/\/+$/, "")}${fillPath(route.path, params)}${queryText(query)}`, {
      method: route.method,
      headers: { ...headers, ...(type === undefined ? {} : { "Content-Type": type }) },
      ...(body === undefined ? {} : { body }),
      credentials: "include",
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
  };
}

/** Of a form the platform writes the content type itself, with the boundary it chose. */
function bodyOf({ upload }: Route, { body, file }: RawInput): { body?: string | FormData; type?: string } {
  if (upload !== undefined && file !== undefined) {
    const form = new FormData();
    form.set(upload.field, file, file instanceof File ? file.name : upload.field);
    return { body: form };
  }
  return body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" };
}

function fillPath(path: string, params: Record<string, string | number> = {}): string {
  const filled = path.replaceAll(/:([a-z_]+)/g, (_, name: string) => encodeURIComponent(String(params[name] ?? "")));
  const rest = String(params["*"] ?? "").split("/");
  return filled.replace(/\*$/, rest.map(encodeURIComponent).join("/"));
}

function queryText(query: RawInput["query"] = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}
