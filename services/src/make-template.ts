import { startOmServer } from "./om-server.ts";

// A program: makes a new, migrated embedded database in the folder that is named.
const [, , folder] = process.argv;
if (folder === undefined) throw new Error("which folder?");
await using server = await startOmServer({ DATA_DIR: folder, LOG_LEVEL: "warn" });
const code = await server.stop();
if (code !== 0) throw new Error(`the server ended with ${code}: ${server.output()}`);
