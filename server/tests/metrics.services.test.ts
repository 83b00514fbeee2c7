import { inboundFrames } from "@om/protocol";
import { startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";

let redis: RedisServer;
let server: ChatServer;
let ada: TestUser;
let ben: TestUser;
beforeAll(async () => {
  redis = await startRedis();
  server = await startChatServer({ REDIS_URL: redis.url });
  [ada, ben] = [await server.register("ada"), await server.register("ben")];
  await vi.waitFor(async () => expect(await value("om_cache_mode")).toBe(2), { timeout: 20_000 });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const scrape = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text();

/** 0 for what has not been counted yet. */
async function value(series: string): Promise<number> {
  const line = (await scrape()).split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

const queried = (source: "cache" | "database"): Promise<number> => value(`om_query_seconds_count{source="${source}"}`);

/** Names and label values of everything that is counted for the product. */
const series = async (): Promise<string[]> =>
  (await scrape()).split("\n").flatMap((line) => /^(om_\w+(\{.*\})?) /.exec(line)?.[1] ?? []);

test("om_query_seconds tells histories and lists of the cache from those of the database", async () => {
  const { id: groupId } = (await server.post("/api/groups", ada, { name: "walkers" })).body;
  await server.post("/api/messages", ada, { recipient_id: ben.id, content: "Hello", client_id: "1" });
  await server.post(`/api/groups/${String(groupId)}/messages`, ada, { content: "Hello all", client_id: "2" });
  for (const path of [
    `/api/messages?recipient_id=${ben.id}`,
    `/api/groups/${String(groupId)}/messages`,
    "/api/conversations",
  ]) {
    const read = async (): Promise<number> => {
      expect((await server.get(path, ada)).status).toBe(200);
      return queried("cache");
    };
    const [cached, loaded] = [await queried("cache"), await queried("database")];
    expect([await read(), await queried("database")], path).toEqual([cached, loaded + 1]);
    await expect.poll(read, { message: path }).toBe(cached + 1);
  }
  const loaded = await queried("database");
  await server.get(`/api/messages?recipient_id=${ben.id}&cursor=1`, ada);
  expect(await queried("database")).toBe(loaded + 1);
});

test("what strangers send makes no new series", async () => {
  const pester = async (word: string): Promise<void> => {
    const { ws, settled, sendRaw } = await server.open(ada);
    sendRaw(JSON.stringify({ type: word, payload: { [word]: word } }));
    for (const type of Object.keys(inboundFrames)) sendRaw(JSON.stringify({ type, payload: word }));
    await settled();
    ws.close();
    for (const path of [`/${word}`, `/api/${word}`, `/api/users/${word}`, `/api/messages?recipient_id=${word}`]) {
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "PROPFIND"]) {
        const headers = { authorization: `Bearer ${ada.token}`, origin: `https://${word}.example` };
        await fetch(`${server.url}${path}`, { method, headers });
      }
    }
  };
  await pester("aardvark");
  const before = new Set(await series());
  await pester("zebra");
  // What goes on in the cache meanwhile has its own closed lists.
  expect((await series()).filter((one) => !before.has(one) && !one.startsWith("om_cache_"))).toEqual([]);
  expect((await series()).filter((one) => /aardvark|zebra/.test(one))).toEqual([]);
});

test("labels of the cache and of Redis come from closed lists", async () => {
  const closed: Record<string, string> = {
    kind: "conv group member convlist unread profile",
    source: "cache database",
    reason: "timeout error open disconnected overload",
    om_answers_total: "proven changed unknown made",
    om_cache_reads_total: "hit_l1 hit miss dirty lease_busy unavailable corrupt off",
    om_cache_fills_total: "stored refused busy failed",
    om_cache_marks_total: "acked unacked skipped",
    om_cache_posts_total: "done absent gap compact failed",
  };
  const found = (await series()).filter((one) => /^om_(answers|cache|redis|query)/.test(one));
  const odd = found.flatMap((one) =>
    [...one.matchAll(/(\w+)="([^"]*)"/g)]
      .filter(([, label]) => label !== "le")
      .filter(([, label = "", shown = ""]) => {
        const list = closed[label === "result" ? one.slice(0, one.indexOf("{")) : label];
        return list?.split(" ").includes(shown) !== true;
      })
      .map(() => one),
  );
  expect(odd).toEqual([]);
  expect(found.some((one) => one.includes('result="hit'))).toBe(true);
});
