import { startRedisCluster, type RedisServer } from "@om/services";
import { expect, test, vi } from "vitest";
import { clusterClient, endOf, until } from "../../../tests/fixtures/redis-clients.ts";
import { Subscriber } from "./subscriber.ts";

test("a replica takes the place of a master: another identity, and publishing and listening go on", async () => {
  await using cluster = await startRedisCluster({}, { replicas: true });
  await using redis = clusterClient(cluster);
  await until(redis, true);
  const heard: string[] = [];
  const listener = (): Subscriber =>
    new Subscriber({
      endpoints: redis.endpoints,
      channel: "news",
      onPublished: (payload) => void heard.push(String(payload)),
      onChange: () => undefined,
      onDisconnected: () => undefined,
    });
  await using first = listener();
  await using second = listener();
  await using third = listener();
  for (const one of [first, second, third]) one.start();
  await expect.poll(() => [first, second, third].every(({ listening }) => listening)).toBe(true);
  await redis.call(200, "PUBLISH", "news", "one");
  await expect.poll(() => heard).toEqual(["one", "one", "one"]);

  const { identity } = redis;
  const [master] = cluster.masters as [RedisServer];
  const key = Array.from({ length: 30 }, (_, i) => `key ${i}`).find((key) => cluster.ownerOf(key) === 0) ?? "";
  await redis.call(200, "SET", key, "value");
  const lost = until(redis, false);
  await master.kill();
  await lost;
  await until(redis, true);
  expect(redis.identity).not.toBe(identity);
  expect(cluster.replicas[0]?.cli("ROLE")).toMatch(/^master/);
  expect(await endOf(redis.call(200, "SET", key, "other"))).toBe("answered");
  await expect.poll(() => [first, second, third].every(({ listening }) => listening), { timeout: 30_000 }).toBe(true);
  await redis.call(200, "PUBLISH", "news", "two");
  await expect.poll(() => heard).toEqual(["one", "one", "one", "two", "two", "two"]);

  const promoted = redis.identity;
  // The old master comes back as a replica, and takes its place again in the same life: its identity is a new one all the same.
  await master.start();
  await cluster.whole();
  await takePlace(master);
  await expect.poll(() => redis.usable && redis.identity !== promoted, { timeout: 30_000 }).toBe(true);
  // Longer than any wait in it, so that what is waited for says what is missing.
}, 180_000);

/** A replica becomes master. On a busy machine its own may not answer it in the 5 s that it waits: then it is told again. */
async function takePlace(replica: RedisServer): Promise<void> {
  const isMaster = (): void => expect(replica.cli("ROLE")).toMatch(/^master/);
  for (let tries = 1; tries <= 5; tries++) {
    expect(replica.cli("CLUSTER", "FAILOVER")).toBe("OK");
    if (
      await vi.waitFor(isMaster, { timeout: 6_000 }).then(
        () => true,
        () => false,
      )
    )
      return;
  }
  isMaster();
}
