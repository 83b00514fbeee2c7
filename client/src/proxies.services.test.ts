import { proxies, startOmServer, startPostgres, startProxy, startRedis, type OmServer, type Proxy } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDevice, register } from "./testing/device.ts";

const running: AsyncDisposable[] = [];
const own = <T extends AsyncDisposable>(thing: T): T => {
  running.push(thing);
  return thing;
};
let nodes: OmServer[];
const inFront = new Map<string, Proxy>();

beforeAll(async () => {
  const [postgres, redis] = [own(await startPostgres()), own(await startRedis())];
  const env = { DATABASE_URL: postgres.createDatabase(), REDIS_URL: redis.url, TRUST_PROXY: "127.0.0.1" };
  const start = (): Promise<OmServer> => startOmServer({ ...env, DRAIN_SECONDS: "4", LOG_LEVEL: "info" });
  nodes = [own(await start()), own(await start())];
  const upstreams = nodes.map(({ url }) => new URL(url).host);
  for (const name of proxies) inFront.set(name, own(await startProxy(name, upstreams)));
});
afterAll(async () => {
  for (const thing of running.toReversed()) await thing[Symbol.asyncDispose]();
});

test.each(proxies)("%s as ops/ has it passes requests and sockets to both nodes, and says who asks", async (name) => {
  const url = inFront.get(name)?.url ?? "";
  const [ada, ben] = [await register(url, `ada_${name}`), await register(url, `ben_${name}`)];
  await using from = openDevice(url, ada);
  await using to = openDevice(url, ben);
  for (const device of [from, to]) await device.until(() => device.connection.isLive);
  await from.connection.send({ to: ben.id, content: "Hello" }).acked;
  await to.until(() => to.messages.length === 1);
  const headers = { "x-forwarded-for": "203.0.113.9" };
  for (let i = 0; i < 20; i++) expect((await fetch(`${url}/api/users/me`, { headers })).status).toBe(401);
  for (const node of nodes) {
    // Where both sockets are at one node, HAProxy gives all requests to the other, which has less to do.
    expect(node.output()).toMatch(/"route":"me"|"msg":"socket opened"/);
    expect(node.output()).not.toContain('"ip":"203.0.113.9"');
  }
});

test("a node that stops and starts again is noticed by nobody behind any of them", async () => {
  const [node] = nodes as [OmServer];
  const stays = await Promise.all(
    proxies.map(async (name) => {
      const url = inFront.get(name)?.url ?? "";
      const person = await register(url, `stays_${name}`);
      return { name, url, person, device: own(openDevice(url, person)) };
    }),
  );
  await Promise.all(stays.map(({ device }) => device.until(() => device.connection.isLive)));
  let isOver = false;
  const rolled = node
    .stop()
    .then(() => node.start())
    .finally(() => (isOver = true));
  await Promise.all(
    stays.map(async ({ name, url, person, device }) => {
      const failed: unknown[] = [];
      device.connection.on("error", (error) => failed.push(error));
      for (let sent = 0; !isOver || sent < 20; sent++) {
        expect((await fetch(`${url}/health`)).status, name).toBe(200);
        await device.connection.send({ to: person.id, content: `${sent}` }).acked;
        await using other = openDevice(url, person);
        other.connection.on("error", (error) => failed.push(error));
        await other.until(() => other.connection.isLive);
      }
      expect(failed, name).toEqual([]);
    }),
  );
  await rolled;
});
