import { repeatFor, sleep, type Fault, type FaultDeps } from "./fault.ts";

/** Where a server process may kill itself, and how likely it does so each time it comes there. */
const steps: Record<string, number> = {
  "write-locked": 0.05,
  "write-marked": 0.05,
  "write-committed": 0.05,
  "read-leased": 0.1,
  "read-loaded": 0.1,
  "relay-marked": 0.5,
};

/** A process that dies at a step, again at once after its start if need be, and lives on in the end. */
function dieAt(step: string, probability: number): Fault {
  return {
    name: `a node dies at ${step}`,
    part: "node",
    async run({ stage, random, ms, count }) {
      const node = random.pick(stage.nodes);
      // The relay has work only when marks fail, those of another node too.
      const cutOff = step === "relay-marked" ? random.pick(stage.nodes.filter((other) => other !== node)) : undefined;
      await node.restart({ FAULT_AT: `${step}:${probability}` });
      try {
        if (cutOff !== undefined) await stage.proxies.mode(cutOff.index, "refuse");
        if (await node.endsWithin(Math.max(ms, 1_500))) count("died");
      } finally {
        if (cutOff !== undefined) await stage.proxies.mode(cutOff.index, "pass");
        await node.restart({ FAULT_AT: undefined });
      }
    },
  };
}

async function freeze({ stage, random, ms }: FaultDeps): Promise<void> {
  const node = random.pick(stage.nodes);
  node.freeze();
  try {
    await sleep(Math.min(Math.max(ms, 100), random.pick([100, 400, 1_200, 3_000])));
  } finally {
    node.thaw();
  }
}

export const processFaults: readonly Fault[] = [
  ...Object.entries(steps).map(([step, probability]) => dieAt(step, probability)),
  { name: "a node is killed", part: "node", run: ({ stage, random }) => random.pick(stage.nodes).restart() },
  { name: "a node is frozen", part: "node", run: freeze },
  {
    name: "PostgreSQL ends connections",
    part: "postgres",
    run: ({ stage, random, ms, count }) =>
      repeatFor(
        ms,
        () => random.between(40, 250),
        async () => {
          await stage.db.endOneBackend();
          count("connections ended");
        },
      ),
  },
];
