import { expect, test } from "vitest";
import { startRedisCluster } from "./redis-cluster.ts";

test("a cluster of our own shares the keys among its masters, and a replica takes the place of one that is killed", async () => {
  await using cluster = await startRedisCluster({}, { replicas: true });
  const keys = Array.from({ length: 30 }, (_, i) => `key ${i}`);
  for (const key of keys) expect(cluster.cli("SET", key, "value")).toBe("OK");
  const sizes = cluster.masters.map((node) => Number(node.cli("DBSIZE")));
  expect(sizes).toEqual([0, 1, 2].map((i) => keys.filter((key) => cluster.ownerOf(key) === i).length));
  expect(Math.min(...sizes)).toBeGreaterThan(0);
  await cluster.masters[0]?.kill();
  await expect.poll(() => cluster.replicas[0]?.cli("ROLE").split("\n")[0], { timeout: 30_000 }).toBe("master");
  await cluster.whole();
  for (const key of keys) expect(cluster.cli("GET", key)).toBe("value");
});
