import { expect, test } from "vitest";
import { askTopology, readSlots } from "./topology.ts";
import type { Reply } from "./redis.ts";

const node = (host: string | null, port: number): Reply => [
  host === null ? null : Buffer.from(host),
  port,
  Buffer.from("id"),
  [],
];

test("slots, masters and replicas of an answer; a host that is not told is the one that was asked", () => {
  const reply = [
    [0, 99, node("10.0.0.1", 1), node("10.0.0.2", 2)],
    [200, 16_383, node("", 3)],
    [100, 149, node("10.0.0.1", 1), node("10.0.0.2", 2)],
    [150, 198, node(null, 4), node("?", 5)],
  ];
  const { masters, owners, replicas } = readSlots(reply, "seed");
  expect(masters).toEqual([
    { host: "10.0.0.1", port: 1 },
    { host: "seed", port: 3 },
    { host: "seed", port: 4 },
  ]);
  expect(replicas).toEqual([
    { host: "10.0.0.2", port: 2 },
    { host: "seed", port: 5 },
  ]);
  expect([0, 99, 100, 149, 150, 198, 199, 200, 16_383].map((slot) => owners[slot])).toEqual([
    0, 0, 0, 0, 2, 2, -1, 1, 1,
  ]);
});

test("an answer that is none names nobody", () => {
  for (const reply of [null, [], [[]], [[0, 16_383]], Buffer.from("x")]) {
    expect(readSlots(reply, "seed")).toMatchObject({ masters: [], replicas: [] });
  }
});

test("epoch and state are those of the node", async () => {
  const ask = (info: string) =>
    askTopology(async (_ms, _command, sub) => (sub === "INFO" ? Buffer.from(info) : []), "seed");
  expect(await ask("cluster_state:ok\r\ncluster_current_epoch:7\r\n")).toMatchObject({ epoch: 7, isOk: true });
  expect(await ask("cluster_state:fail\r\ncluster_current_epoch:8\r\n")).toMatchObject({ epoch: 8, isOk: false });
});
