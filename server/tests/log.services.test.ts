import { sharedDatabase, startOmServer, type OmServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { once } from "node:events";

let server: OmServer;
beforeAll(async () => {
  server = await startOmServer({ DATABASE_URL: sharedDatabase(), ALLOWED_ORIGINS: "https://chat.example.org" });
});
afterAll(() => server[Symbol.asyncDispose]());

type Line = Record<string, unknown>;
const lines = (): Line[] =>
  server
    .output()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

interface Session {
  id: number;
  token: string;
  refresh: string;
}
async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(server.url + path, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, never> };
}
const bearer = ({ token }: Session): Record<string, string> => ({ authorization: `Bearer ${token}` });
const password = "correct horse battery";
async function enter(path: string, name: string): Promise<Session> {
  const body = { username: name, email: `${name}@example.org`, password };
  const { json } = await call("POST", path, body);
  const { user, access_token, refresh_token } = json as unknown as {
    user: { id: number };
    access_token: string;
    refresh_token: string;
  };
  return { id: user.id, token: access_token, refresh: refresh_token };
}

test("D3 security events are lines of their own kind that say what, whose and from where", async () => {
  const ann = await enter("/api/auth/register", "ann");
  const other = await enter("/api/auth/login", "ann");
  await call("POST", "/api/auth/login", { email: "ann@example.org", password: "not that one" });
  await call("POST", "/api/auth/login", { email: "nobody@example.org", password: "not that one" });
  await call(
    "PUT",
    "/api/users/me/password",
    { current_password: password, new_password: `${password}!` },
    bearer(ann),
  );
  await call("POST", "/api/sessions/end-others", undefined, bearer(ann));
  await call("POST", "/api/auth/refresh", undefined, { cookie: `om_refresh=${other.refresh}` });
  await call("GET", "/api/users/me", undefined, { ...bearer(ann), origin: "https://evil.example" });
  await call("POST", "/api/users/me/delete", { password: `${password}!` }, bearer(ann));
  const user = ann.id;
  const ofKind = (): Line[] => lines().filter(({ kind }) => kind === "security");
  const wanted = [
    { level: "info", event: "register", user },
    { level: "info", event: "login", user },
    { level: "warn", event: "login", user, refused: "invalid_credentials" },
    { level: "warn", event: "login", refused: "invalid_credentials" },
    { level: "info", event: "change_password", user },
    { level: "info", event: "end_other_sessions", user },
    { level: "warn", event: "refresh", refused: "invalid_refresh" },
    { level: "warn", event: "origin", origin: "https://evil.example", refused: "forbidden_origin" },
    { level: "info", event: "delete_account", user },
  ];
  await expect.poll(() => ofKind().length).toBe(wanted.length);
  expect(ofKind()).toEqual(wanted.map((line) => expect.objectContaining(line) as unknown));
  for (const line of ofKind().filter(({ event }) => event !== "origin")) {
    expect(line["ip"]).toBe("127.0.0.1");
    // The line of the request says the rest.
    const ofRequest = () => lines().filter(({ msg, request }) => msg === "request" && request === line["request"]);
    await expect.poll(ofRequest).toHaveLength(1);
  }
});

test("D3 every line is JSON with level, time, node and version; who asked, which request and which socket", async () => {
  const ben = await enter("/api/auth/register", "ben");
  await call("GET", "/api/users/me", undefined, { ...bearer(ben), "x-request-id": "of-the-test" });
  const ws = new WebSocket(`${server.url.replace("http", "ws")}/ws?token=${ben.token}`);
  await once(ws, "open");
  ws.close(1000);
  const find = (msg: string): Line | undefined =>
    lines().find((line) => line["msg"] === msg && line["user"] === ben.id);
  await expect.poll(() => find("socket closed")).toMatchObject({ user: ben.id, code: 1000 });
  const opened = find("socket opened");
  expect(opened).toMatchObject({ socket: find("socket closed")?.["socket"], ip: "127.0.0.1" });
  expect(typeof opened?.["request"]).toBe("string");
  const stranger = new WebSocket(`${server.url.replace("http", "ws")}/ws?token=wrong`, {
    headers: { "x-request-id": "a-stranger" },
  });
  await once(stranger, "unexpected-response");
  const refused = (): Line | undefined => lines().find(({ request }) => request === "a-stranger");
  await expect.poll(refused).toMatchObject({ msg: "request", route: "/ws", path: "/ws", status: 401 });
  const asked = lines().find(({ request }) => request === "of-the-test");
  expect(asked).toMatchObject({ msg: "request", route: "me", path: "/api/users/me", user: ben.id, status: 200 });
  for (const line of lines()) {
    expect(line["level"]).toMatch(/^(info|warn|error|fatal)$/);
    expect([typeof line["time"], typeof line["node"], typeof line["version"]]).toEqual(Array(3).fill("string"));
  }
});

test("D3 no token of an invite, no search, no query and no probe is in the log", async () => {
  const cid = await enter("/api/auth/register", "cid");
  const group = await call("POST", "/api/groups", { name: "A group" }, bearer(cid));
  const { id } =
    (group.json as unknown as { group: { id: number } }).group ?? (group.json as unknown as { id: number });
  const made = await call("POST", `/api/groups/${id}/invite-links`, {}, bearer(cid));
  const [token] = /[\w-]{20,}/.exec(JSON.stringify(made.json)) ?? [];
  expect(token).toBeDefined();
  await call("GET", `/api/join/${token}`);
  await call("GET", `/api/JOIN/${token}`);
  await call("DELETE", `/api/groups/${id}/invite-links/${token}`, undefined, bearer(cid));
  await call("GET", "/api/users/search?q=secretwish", undefined, bearer(cid));
  for (const probe of ["/health", "/ready", "/metrics"]) await call("GET", probe);
  await call("GET", "/api/users/me", undefined, { ...bearer(cid), "x-request-id": "the-last" });
  await expect.poll(() => lines().some(({ request }) => request === "the-last")).toBe(true);
  const shown = server.output();
  for (const secret of [token ?? "", "secretwish", cid.token, cid.refresh, "?", password])
    expect(shown).not.toContain(secret);
  expect(lines().filter(({ route }) => ["/health", "/ready", "/metrics"].includes(String(route)))).toEqual([]);
  expect(lines().map(({ path }) => path)).toContain("/api/join/[redacted]");
  const byAdmin = lines().filter(({ kind, group }) => kind === "security" && group === id);
  expect(byAdmin.map(({ event, user }) => [event, user])).toEqual([
    ["create_invite", cid.id],
    ["revoke_invite", cid.id],
  ]);
});
