const usage = `npm run bench -- [--runs 3] [--seconds 5] [--pairs 50] [--window 16] [--connections 32] [--members 1000]
                 [--redis] [--embedded] [--json FILE]    ratios to ceilings
npm run bench -- --seed [--seconds N] [--times N]        the tables of the first server's cache description`;

if (process.argv.includes("--help")) console.log(usage);
else await(process.argv.includes("--seed") ? import("./seed/main.ts") : import("./ratios.ts"));
