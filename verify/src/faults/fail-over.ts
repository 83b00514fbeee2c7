import { sleep, type FaultDeps } from "./fault.ts";
import { until } from "./until.ts";

/**
 * The replica stops following, is promoted a little later, and the nodes come to it one after another; meanwhile some are attached
 * to the old primary, which goes on answering. What was the primary is the replica of the next time.
 */
export async function failOver({ stage, random, ms, split }: FaultDeps): Promise<void> {
  const { redis, proxies } = stage;
  const [from, to] = [redis.primary(), redis.standby()];
  await redis.askStandby("REPLICAOF", "127.0.0.1", from.port);
  await until(async () => String(await redis.askStandby("INFO", "replication")).includes("master_link_status:up"));
  await redis.askStandby("REPLICAOF", "NO", "ONE");
  await sleep(ms / 3);
  const order = proxies.ports.map((_, index) => index).sort(() => random.next() - 0.5);
  split(true);
  try {
    for (const index of order) {
      await proxies.turn(index, to.port);
      await sleep(random.between(0, (2 * ms) / 3 / order.length));
    }
  } finally {
    split(false);
  }
  redis.swap();
  await from.kill();
  await redis.forgetDump(from);
  await from.start();
}
