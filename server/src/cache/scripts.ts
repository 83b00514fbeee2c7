import { luaScripts } from "../platform/redis/scripts.ts";

/** The scripts of this folder; each file says what goes in and what comes out. */
export const scripts = luaScripts(new URL("../../src/cache/scripts/", import.meta.url), "header", [
  "look",
  "mark",
  "lease",
  "fill",
  "release",
  "post",
  "compact",
]);
