import { ReleaseError, type Release } from "./parse-release.ts";
import type { VersionStore } from "./version-store.ts";

/** From now on apps of the platform are told of this version. @throws ReleaseError when its build is not the highest */
export async function publishVersion(versions: VersionStore, release: Release): Promise<void> {
  const notOlder = await versions.publish(release);
  if (notOlder === undefined) return;
  throw new ReleaseError(
    `${release.platform} has build ${notOlder} already; a new version needs a higher build number`,
  );
}
