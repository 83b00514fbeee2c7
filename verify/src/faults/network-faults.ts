import type { Fault as ProxyFault } from "@om/services";
import { repeatFor, sleep, type Fault, type FaultDeps } from "./fault.ts";

/** What goes wrong between nodes and Redis: for one node, or for all of them. */
const modes: Record<string, (deps: FaultDeps) => ProxyFault> = {
  refused: () => "refuse",
  swallowed: () => "blackhole",
  "half swallowed": () => "drop",
  late: ({ random }) => ({ delay: random.pick([3, 8, 12, 30, 200]) }),
  "cut half-way": ({ random }) => ({ cut: random.whole(400) + 1 }),
  reset: () => "reset",
};
/** These happen once to a connection, so they are done again and again. */
const momentary = new Set(["cut half-way", "reset"]);

export const networkFaults: readonly Fault[] = Object.entries(modes).map(([name, mode]) => ({
  name: `Redis ${name}`,
  part: "network",
  async run(deps) {
    const { stage, random, ms, count } = deps;
    const { proxies } = stage;
    const all = proxies.ports.map((_, index) => index);
    const hit = random.chance(0.4) ? all : [random.pick(all)];
    count(hit.length === 1 ? "for one node" : "for all nodes");
    const set = async (): Promise<void> => {
      for (const index of hit) await proxies.mode(index, mode(deps));
    };
    try {
      if (momentary.has(name)) await repeatFor(ms, () => random.between(20, 300), set);
      else {
        await set();
        await sleep(ms);
      }
    } finally {
      for (const index of hit) await proxies.mode(index, "pass");
    }
  },
}));
