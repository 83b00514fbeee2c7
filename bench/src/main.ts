// What `npm run bench` runs: ratios to ceilings, or with --seed the tables of the first server's cache description.
await(process.argv.includes("--seed") ? import("./seed/main.ts") : import("./ratios.ts"));
