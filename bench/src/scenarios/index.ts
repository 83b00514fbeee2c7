import type { Scenario } from "../scenario.ts";
import { ackLatency } from "./ack-latency.ts";
import { busyList } from "./busy-list.ts";
import { cachedPage } from "./cached-page.ts";
import { changingPage } from "./changing-page.ts";
import { comingBack } from "./coming-back.ts";
import { group } from "./group.ts";
import { growth } from "./growth.ts";
import { hitRate } from "./hit-rate.ts";
import { idleSockets } from "./idle-sockets.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { postgresTime } from "./postgres-time.ts";
import { rolling } from "./rolling.ts";
import { search } from "./search.ts";
import { send } from "./send.ts";
import { soak } from "./soak.ts";
import { storm } from "./storm.ts";
import { workers } from "./workers.ts";

/** In the order in which they are run and shown. */
export const scenarios: readonly Scenario[] = [
  cachedPage("history", "redis", { atLeast: 0.5, cpuAtMost: 2 }),
  cachedPage("list", "redis", { atLeast: 0.45, cpuAtMost: 2 }),
  cachedPage("history", "plain", { atLeast: 0.2 }),
  cachedPage("list", "plain", { atLeast: 0.2 }),
  cachedPage("history", "embedded", { atLeast: 0.4 }),
  cachedPage("list", "embedded", { atLeast: 0.4 }),
  oneAtATime("history", 10),
  oneAtATime("list", 15),
  busyList,
  changingPage("history"),
  changingPage("list"),
  send("plain", 2.2),
  send("redis", 1.6),
  postgresTime,
  ackLatency("plain", { atHundred: [3, 6], atQuarter: [6, 10] }),
  ackLatency("redis", { atHundred: [4, 8], atQuarter: [6, 10] }),
  group(1),
  group(16),
  idleSockets,
  comingBack,
  growth,
  hitRate,
  search,
  rolling,
  storm,
  workers,
  soak,
];
