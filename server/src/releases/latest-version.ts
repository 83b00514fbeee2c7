import type { RouteOutput } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { defaultPlatform, parsePlatform } from "./parse-release.ts";
import type { VersionStore } from "./version-store.ts";

/** What an app is told when there is nothing to tell: nobody is asked to update. */
const noUpdate: RouteOutput<"version"> = {
  build_number: 1,
  changelog: "",
  download_url: "",
  force_update: false,
  min_supported_build: 1,
  version: "1.0.0",
};

/** The newest version of a platform. An app that starts is never refused: without one, or without a database, it is noUpdate. */
export async function latestVersion(versions: VersionStore, platformText = ""): Promise<RouteOutput<"version">> {
  const platform = parsePlatform(platformText || defaultPlatform);
  if (platform === undefined) return noUpdate;
  try {
    return (await versions.newest(platform)) ?? noUpdate;
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return noUpdate;
    throw error;
  }
}

/** Whether a build should, or must, be replaced. @throws OmError `missing_build`; `update_check_failed` when nothing is published */
export async function checkVersion(
  versions: VersionStore,
  platformText = "",
  buildText = "",
): Promise<RouteOutput<"checkVersion">> {
  const build = /^[+-]?\d{1,16}$/.test(buildText) ? Number(buildText) : 0;
  if (build === 0 || !Number.isSafeInteger(build)) throw new OmError("missing_build");
  const platform = parsePlatform(platformText || defaultPlatform);
  const latest = platform === undefined ? undefined : await versions.newest(platform);
  if (latest === undefined) throw new OmError("update_check_failed");
  const behind = build < latest.build_number;
  return {
    current_build: build,
    force_update: build < latest.min_supported_build || (latest.force_update && behind),
    latest_version: latest,
    needs_update: behind,
  };
}
