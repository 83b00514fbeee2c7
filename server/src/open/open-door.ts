import type { Door } from "../accounts/door.ts";
import type { Config } from "../config.ts";
import type { Queries } from "../platform/postgres/database.ts";
import type { Logger } from "../platform/telemetry/logger.ts";
import { hasFinishedImport } from "./import-check.ts";
import { isLoopback } from "./start-warnings.ts";

/** Who may register. */
export async function openDoor(config: Config, db: Queries, log?: Pick<Logger, "warn">): Promise<Door> {
  const domains = config.registrationDomains.map((domain) => domain.toLowerCase());
  if (config.registration !== "") return { registration: config.registration, domains };
  if (isLoopback(config.host)) return { registration: "open", domains };
  if (!(await hasFinishedImport(db))) return { registration: "invite", domains };
  log?.warn(
    "everybody may register, as on the server from which the import came: REGISTRATION=invite lets in only whom you invite",
  );
  return { registration: "open", domains };
}
