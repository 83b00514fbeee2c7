import type { Handlers } from "./http/handlers.ts";
import type { Database } from "./platform/postgres/database.ts";
import { checkVersion, latestVersion } from "./releases/latest-version.ts";
import { versionStore } from "./releases/version-store.ts";

/** What the transports are given of app versions. */
export function composeReleases(db: Database): Pick<Handlers, "version" | "checkVersion"> {
  const versions = versionStore(db);
  return {
    version: ({ query }) => latestVersion(versions, query.platform),
    checkVersion: ({ query }) => checkVersion(versions, query.platform, query.build),
  };
}
