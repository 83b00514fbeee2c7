import { ensureBinary } from "./binaries.ts";

/** Vitest's global set-up of the services project: installs what is missing once, before any test asks for it. */
export function setup(): void {
  ensureBinary("postgres");
}
