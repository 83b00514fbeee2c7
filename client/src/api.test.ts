import { afterEach, expect, test, vi } from "vitest";
import { createApi } from "./api.ts";
import { memoryTokens } from "./tokens.ts";

afterEach(() => void vi.useRealTimers());

const json = (status: number, body: unknown): Response =>
  Response.json(body, { status, headers: { "content-type": "application/json" } });

test("a 401 is answered by one refresh for all callers, and each call is tried once more", async () => {
  const seen: string[] = [];
  const tokens = memoryTokens({ accessToken: "old", refreshToken: "r1" });
  const api = createApi({
    baseUrl: "http://server",
    tokens,
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers);
      const path = new URL(url instanceof Request ? url.url : url).pathname;
      seen.push(`${path} ${headers.get("authorization") ?? headers.get("cookie") ?? ""}`);
      if (path.endsWith("/refresh")) return json(200, { access_token: "new", refresh_token: "r2", user: {} });
      return headers.get("authorization") === "Bearer new"
        ? json(200, { count: 0, peers: [] })
        : json(401, { error: "x" });
    },
  });
  await Promise.all([api.call("peers"), api.call("peers")]);
  expect(seen.filter((call) => call.startsWith("/api/auth/refresh"))).toEqual(["/api/auth/refresh om_refresh=r1"]);
  expect(seen.filter((call) => call.endsWith("Bearer new"))).toHaveLength(2);
  expect(tokens.load()).toEqual({ accessToken: "new", refreshToken: "r2" });
});

test("an error answer keeps its code, its text and whether to try again", async () => {
  const api = createApi({
    baseUrl: "http://server",
    tokens: memoryTokens(),
    fetch: async () => json(503, { error: "later", code: "unavailable", request_id: "q" }),
  });
  await expect(api.call("checkUsername", { query: { username: "a" } })).rejects.toMatchObject({
    status: 503,
    code: "unavailable",
    message: "later",
    retry: true,
    requestId: "q",
  });
});

test("path parameters and queries are encoded", async () => {
  const asked: string[] = [];
  const api = createApi({
    baseUrl: "http://server",
    tokens: memoryTokens(),
    fetch: async (url) => {
      asked.push(url instanceof Request ? url.url : url.toString());
      return json(200, { user: {} });
    },
  });
  await api.call("user", { params: { identifier: "a/b ?" } });
  await api.call("searchUsers", { query: { q: "x&y", limit: undefined } });
  expect(asked).toEqual(["http://server/api/users/a%2Fb%20%3F", "http://server/api/users/search?q=x%26y"]);
});

test("every method, with and without a body, goes to its path", async () => {
  const asked: string[] = [];
  const api = createApi({
    baseUrl: "http://server",
    tokens: memoryTokens(),
    fetch: async (url, init) => {
      const { pathname, search } = new URL(url instanceof Request ? url.url : url);
      asked.push(`${init?.method} ${pathname}${search} ${typeof init?.body === "string" ? init.body : "-"}`);
      return json(200, {});
    },
  });
  await api.editMessage({ params: { id: 5 }, body: { content: "x" } });
  await api.deleteMessage({ params: { id: 5 } });
  await api.deleteConversation({ params: { conversation_id: "group_3" }, query: { everyone: "true" } });
  await api.block({ params: { id: 7 } });
  await api.setRole({ params: { id: 3, user_id: 7 }, body: { role: "admin" } });
  await api.removeMember({ params: { id: 3, user_id: 7 } });
  await api.joinByHandle({ params: { handle: "a/b" } });
  expect(asked).toEqual([
    'PUT /api/messages/5 {"content":"x"}',
    "DELETE /api/messages/5 -",
    "DELETE /api/conversations/group_3?everyone=true -",
    "POST /api/users/block/7 -",
    'PUT /api/groups/3/members/7 {"role":"admin"}',
    "DELETE /api/groups/3/members/7 -",
    "POST /api/groups/handle/a%2Fb/join -",
  ]);
});

test("a file goes as a form and comes as bytes; the rest of a path keeps its slashes", async () => {
  const asked: string[] = [];
  const api = createApi({
    baseUrl: "http://server",
    tokens: memoryTokens(),
    fetch: async (url, init) => {
      const { pathname } = new URL(url instanceof Request ? url.url : url);
      asked.push(pathname);
      if (pathname.endsWith("gone")) return json(404, { code: "user_not_found" });
      if (!(init?.body instanceof FormData)) return new Response(new Uint8Array([1, 2]));
      const file = init.body.get("attachment");
      return json(200, { url: file instanceof File ? `${file.name} ${await file.text()}` : "none" });
    },
  });
  const { url } = await api.uploadAttachment({ file: new File(["hi"], "a.txt") });
  expect([url, await api.attachmentFile({ params: { "*": "7/a b.txt" } })]).toEqual([
    "a.txt hi",
    new Uint8Array([1, 2]),
  ]);
  await expect(api.avatarFile({ params: { "*": "gone" } })).rejects.toMatchObject({ status: 404 });
  expect(asked).toEqual(["/api/media/attachments", "/api/media/attachments/7/a%20b.txt", "/api/media/avatars/gone"]);
});

test("a call that comes late to the refresh of another uses its token", async () => {
  const tokens = memoryTokens({ accessToken: "old", refreshToken: "r1" });
  const release: (() => void)[] = [];
  let refreshes = 0;
  const api = createApi({
    baseUrl: "http://server/",
    tokens,
    fetch: async (url, init) => {
      const path = new URL(url instanceof Request ? url.url : url).pathname;
      if (path.endsWith("/refresh")) {
        refreshes += 1;
        return json(200, { access_token: "new", refresh_token: "r2", user: {} });
      }
      if (new Headers(init?.headers).get("authorization") === "Bearer new") return json(200, { count: 0, peers: [] });
      if (path.endsWith("/peers")) await new Promise<void>((resolve) => release.push(resolve));
      return json(401, { error: "x" });
    },
  });
  const late = api.peers();
  await api.me();
  release[0]?.();
  await late;
  expect(refreshes).toBe(1);
});

test("every route is a method, an answer that is no JSON is told as it is, and a deadline is kept", async () => {
  let hangs = false;
  const api = createApi({
    baseUrl: "http://server",
    tokens: memoryTokens(),
    timeoutMs: 5,
    fetch: async (_url, init) => {
      if (!hangs) return new Response("<html>Bad gateway</html>", { status: 502 });
      await new Promise((resolve) => init?.signal?.addEventListener("abort", resolve));
      throw init?.signal?.reason;
    },
  });
  await expect(api.history({ query: { recipient_id: 2 } })).rejects.toMatchObject({
    status: 502,
    code: "",
    retry: true,
  });
  hangs = true;
  await expect(api.conversations()).rejects.toMatchObject({ name: "TimeoutError" });
  expect(await api.accessToken()).toBeUndefined();
});

test("when the server asks to come back later, a call waits and is made again, as often as its patience lasts; a login is not", async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  let refusals = 2;
  const api = createApi({
    baseUrl: "http://server",
    tokens: memoryTokens({ accessToken: "a", refreshToken: "r" }),
    fetch: async (_url, init) => {
      asked.push(`${Date.now()} ${typeof init?.body === "string" ? init.body : ""}`);
      return --refusals < 0
        ? json(201, { id: 1 })
        : Response.json({ error: "slow down", code: "rate_limited" }, { status: 429, headers: { "retry-after": "7" } });
    },
  });
  const begin = Date.now();
  const sent = api.send({ body: { recipient_id: 2, content: "x" } });
  await vi.advanceTimersByTimeAsync(14_000);
  await sent;
  const body = '{"recipient_id":2,"content":"x"}';
  expect(asked).toEqual([0, 7_000, 14_000].map((ms) => `${begin + ms} ${body}`));
  refusals = 100;
  const impatient = expect(api.me()).rejects.toMatchObject({ status: 429, code: "rate_limited", retry: true });
  await vi.advanceTimersByTimeAsync(60_000);
  await impatient;
  expect(asked).toHaveLength(3 + 9);
  await expect(api.login({ email: "a", password: "b" })).rejects.toMatchObject({ status: 429 });
  const stopped = new AbortController();
  const call = expect(api.me({ signal: stopped.signal })).rejects.toThrow("enough");
  stopped.abort(new Error("enough"));
  await call;
});
