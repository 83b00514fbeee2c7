import { parseArgs } from "node:util";
import { seedTables } from "./run.ts";

const { values: options } = parseArgs({
  options: {
    seed: { type: "boolean" },
    seconds: { type: "string", default: "10" },
    times: { type: "string", default: "2000" },
  },
});
await seedTables({ seconds: Number(options.seconds), times: Number(options.times) });
