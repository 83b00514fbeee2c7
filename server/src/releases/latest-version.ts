import type { RouteOutput } from "@om/protocol";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { defaultPlatform, readPlatform } from "./platforms.ts";
import type { VersionStore } from "./version-store.ts";

/** What an app is told when there is nothing to tell: nobody is asked to update. */
const neutral: RouteOutput<"version"> = {
  build_number: 1,
  changelog: "",
  download_url: "",
  force_update: false,
  min_supported_build: 1,
  version: "1.0.0",
};

/** The newest version of a platform. An app that starts is never refused: without one, or without a database, it is neutral. */
export async function latestVersion(versions: VersionStore, platformText = ""): Promise<RouteOutput<"version">> {
  const platform = readPlatform(platformText || defaultPlatform);
  if (platform === undefined) return neutral;
  try {
    return (await versions.newest(platform)) ?? neutral;
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return neutral;
    throw error;
  }
}
