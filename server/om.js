#!/usr/bin/env node
// The one command of an installation: `npx om …`. What it starts is compiled first where it is stale, see run.js.
const programs = {
  start: "server/src/main.ts",
  chat: "client/src/chat/main.ts",
  import: "import/src/main.ts",
  backup: "server/src/backup.ts",
  restore: "server/src/restore.ts",
};
const [name = "", ...args] = process.argv.slice(2);
const given = Object.hasOwn(programs, name)
  ? [programs[name], ...args]
  : ["server/src/om.ts", ...process.argv.slice(2)];
process.argv.splice(2, process.argv.length, ...given);
await import("../run.js");
