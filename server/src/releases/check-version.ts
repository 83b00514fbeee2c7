import type { RouteOutput } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { defaultPlatform, readPlatform } from "./platforms.ts";
import type { VersionStore } from "./version-store.ts";

/** Whether a build should, or must, be replaced. @throws OmError `missing_build`; `update_check_failed` when nothing is published */
export async function checkVersion(
  versions: VersionStore,
  platformText = "",
  buildText = "",
): Promise<RouteOutput<"checkVersion">> {
  const build = /^[+-]?\d{1,16}$/.test(buildText) ? Number(buildText) : 0;
  if (build === 0 || !Number.isSafeInteger(build)) throw new OmError("missing_build");
  const platform = readPlatform(platformText || defaultPlatform);
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
