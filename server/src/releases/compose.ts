import type { Database } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";
import { checkVersion, latestVersion } from "./latest-version.ts";
import { versionStore } from "./version-store.ts";

export function composeReleases(db: Database): RoutesOf<"releases"> {
  const versions = versionStore(db);
  return {
    version: ({ query }) => latestVersion(versions, query.platform),
    checkVersion: ({ query }) => checkVersion(versions, query.platform, query.build),
  };
}
