import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRedis, startRedisCluster } from "@om/services";
import { expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";
import { operatorsFile } from "./fixtures/ops-files.ts";

const running = operatorsFile("docs/running.md");

/** Words of the command in docs/running.md that makes the server's user, from ACL on. */
function documentedRights(): string[] {
  const [, command = ""] = /^redis-cli (ACL SETUSER om (?:.*\\\n)+.*)$/m.exec(running) ?? [];
  return command
    .replaceAll("\\\n", " ")
    .split(/\s+/)
    .map((word) => word.replaceAll("'", ""));
}

/** What docs/running.md advises for redis.conf. */
function documentedSettings(): Record<string, string> {
  const [, block = ""] = /```conf\n([^`]*)```/.exec(running) ?? [];
  const lines = block.trim().split("\n");
  return Object.fromEntries(
    lines.map((line) => [line.split(" ")[0], line.slice(line.indexOf(" ") + 1).replaceAll('"', "")]),
  );
}

/** Everything that is sent to Redis or called by a script, as the sources have it. */
function usedCommands(): Set<string> {
  const root = fileURLToPath(new URL("../src/", import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (file) => /\.(ts|lua)$/.test(file) && !file.endsWith(".test.ts"),
  );
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const sent = text.matchAll(/\bcall\((?:[^"';]*?, )?["']([A-Z]+|subscribe)["'](?:, "([A-Z]+)")?/g);
    return [...text.matchAll(/redis\.p?call\('([A-Z]+)'/g), ...(file.endsWith(".ts") ? sent : [])];
  });
  return new Set(
    found.map(([, name = "", sub]) => (/^(CLIENT|CLUSTER|SCRIPT)$/.test(name) ? `${name}|${sub}` : name).toLowerCase()),
  );
}

test("the documented rights are those of the commands that the server uses, and no others", () => {
  const granted = documentedRights().filter((word) => word.startsWith("+"));
  // Logging in is everybody's right.
  const used = [...usedCommands()].filter((name) => name !== "auth").map((name) => `+${name}`);
  expect(granted.toSorted()).toEqual(used.toSorted());
});

test("with the documented user and settings everything works, nothing is refused and nothing is advised", async () => {
  await using redis = await startRedis(documentedSettings());
  redis.cli(...documentedRights());
  const env = {
    REDIS_URL: `redis://om:secret@127.0.0.1:${redis.port}/1`,
    LOG_LEVEL: "warn",
    USER_LIMITS: "1000",
    AUTH_LIMIT: "1000",
  };
  const write = vi.spyOn(process.stdout, "write");
  await using server = await startChatServer(env);
  await live(server);
  for (const pattern of documentedRights().filter((word) => word.startsWith("~") && !word.includes("presence"))) {
    expect(redis.cli("-n", "1", "--scan", "--pattern", pattern.slice(1)), pattern).not.toBe("");
  }
  expect(redis.cli("ACL", "LOG")).toBe("");
  const told = write.mock.calls.map(([line]) => String(line)).filter((line) => /advisable|NOPERM/.test(line));
  write.mockRestore();
  expect(told).toEqual([]);
  for (const command of [["FLUSHALL"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["SET", "other", "1"]]) {
    expect(redis.cli("--user", "om", "--pass", "secret", "--no-auth-warning", ...command)).toContain("NOPERM");
  }
});

test("with the documented user and settings a cluster does everything as well", async () => {
  await using cluster = await startRedisCluster(documentedSettings());
  for (const node of cluster.masters) node.cli(...documentedRights());
  await using server = await startChatServer({
    REDIS_CLUSTER: "true",
    USER_LIMITS: "1000",
    AUTH_LIMIT: "1000",
    REDIS_URL: `redis://om:secret@${cluster.addresses}`,
  });
  await live(server);
  for (const node of cluster.masters) expect(node.cli("ACL", "LOG")).toBe("");
});

/** Everything that has keys of its own, until each has been stored. */
async function live(server: ChatServer): Promise<void> {
  const [ada, ben] = [await server.register("ada"), await server.register("ben")];
  await server.open(ada);
  const { body } = await server.post("/api/groups", ada, { name: "walkers" });
  for (let i = 0; i < 3; i++) {
    await server.post("/api/messages", ada, { recipient_id: ben.id, content: "Hello", client_id: `d${i}` });
    await server.post(`/api/groups/${String(body["id"])}/messages`, ada, { content: "Hello", client_id: `g${i}` });
  }
  const { body: first } = await server.post("/api/messages", ada, { recipient_id: ben.id, content: "?" });
  let asked = 0;
  // At the same address a kept answer would be given, for which nothing is read.
  const read = (path: string, user: TestUser) =>
    server.get(`${path}${path.includes("?") ? "&" : "?"}asked=${(asked += 1)}`, user);
  await vi.waitFor(
    async () => {
      await read(`/api/messages?recipient_id=${ada.id}`, ben);
      await read(`/api/groups/${String(body["id"])}/messages`, ada);
      await read("/api/conversations", ben);
      await read("/api/groups", ada);
      await read(`/api/messages/${String(first["id"])}/receipts`, ada);
      await read(`/api/conversations/user_${ada.id}/unread`, ben);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      for (const kind of ["conv", "group", "member", "convlist", "unread", "profile", "about"]) {
        expect(metrics).toMatch(new RegExp(`om_cache_reads_total\\{kind="${kind}",result="hit`));
      }
      expect(metrics).toContain("\nom_online_users 1\n");
    },
    { timeout: 30_000 },
  );
  await server.post("/api/messages", ada, { recipient_id: ben.id, content: "Bye", client_id: "bye" });
}
