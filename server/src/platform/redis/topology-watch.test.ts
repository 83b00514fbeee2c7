import { afterEach, expect, test } from "vitest";
import type { Commands, Reply } from "./redis.ts";
import { RedisUnavailable } from "./redis.ts";
import { addressText, type Topology } from "./topology.ts";
import { createTopologyWatch, type TopologyWatch } from "./topology-watch.ts";

const ends: TopologyWatch[] = [];
afterEach(() => ends.splice(0).forEach((watch) => watch.stop()));

/** A node that says which masters there are, in which epoch; undefined: it does not answer. */
const member = (port: number, says: { epoch: number; state?: string; masters: number[] } | undefined) => ({
  address: { host: "h", port },
  commands: {
    async call(_ms: number, _command: string, sub: string): Promise<Reply> {
      if (says === undefined) throw new RedisUnavailable("timeout");
      if (sub === "INFO") {
        return Buffer.from(`cluster_state:${says.state ?? "ok"}\r\ncluster_current_epoch:${says.epoch}\r\n`);
      }
      return says.masters.map((master, i) => [i, i, [Buffer.from("h"), master]]);
    },
  } as unknown as Commands,
});

/** What is concluded from one round of answers. */
function conclude(...members: ReturnType<typeof member>[]): Promise<Topology | string> {
  return new Promise((resolve) => {
    const watch = createTopologyWatch({
      seeds: [],
      members: () => members,
      isHealthy: () => true,
      onTopology: resolve,
      onNoAnswer: resolve,
      random: () => 0.5,
    });
    ends.push(watch);
    watch.start();
  });
}
const found = async (...members: ReturnType<typeof member>[]) => {
  const topology = await conclude(...members);
  return typeof topology === "string" ? topology : [topology.isOk, ...topology.masters.map(addressText)];
};

test("the highest epoch counts: a master that was cut off knows nothing of the one in its place", async () => {
  const old = member(1, { epoch: 3, masters: [1, 2] });
  const newer = member(2, { epoch: 4, masters: [3, 2] });
  expect(await found(old, newer)).toEqual([true, "h:3", "h:2"]);
  expect(await found(newer, old)).toEqual([true, "h:3", "h:2"]);
});

test("nodes that are cut off and count on alone, or have forgotten the cluster, are not believed", async () => {
  const good = member(2, { epoch: 4, masters: [1, 2] });
  const alone = member(7, { epoch: 99, state: "fail", masters: [3, 2] });
  expect(await found(alone, good)).toEqual([true, "h:1", "h:2"]);
  expect(await found(member(8, { epoch: 120, masters: [] }), good)).toEqual([true, "h:1", "h:2"]);
  expect(await found(member(8, { epoch: 120, masters: [] }))).toBe("no node knows of masters");
});

test("one master that refuses is enough to say that not all is well, one that is none any more is not", async () => {
  const good = member(2, { epoch: 4, masters: [1, 2] });
  expect(await found(member(1, { epoch: 4, state: "fail", masters: [1, 2] }), good)).toEqual([false, "h:1", "h:2"]);
  expect(await found(member(3, { epoch: 3, state: "fail", masters: [3, 2] }), good)).toEqual([true, "h:1", "h:2"]);
});

test("who does not answer is left out; when nobody does, that is told", async () => {
  expect(await found(member(1, undefined), member(2, { epoch: 4, masters: [1, 2] }))).toEqual([true, "h:1", "h:2"]);
  expect(await found(member(1, undefined))).toBe("Redis did not answer in time");
});
