import type { RouteOutput } from "@om/protocol";
import { violatedConstraint, type Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { ReleaseError, type Release } from "./parse-release.ts";

const newest = statement<Required<RouteOutput<"version">>>(
  "releases.newest",
  `select version, build_number, min_supported_build, force_update, download_url, changelog,
     date_trunc('second', release_date) as release_date
   from app_versions where platform = $1 and is_active order by build_number desc limit 1`,
);
const retire = statement<never>(
  "releases.retire",
  "update app_versions set is_active = false, updated_at = now() where platform = $1 and build_number < $2 and is_active",
);
const insert = statement<never>(
  "releases.insert",
  `insert into app_versions
     (platform, version, build_number, download_url, changelog, force_update, min_supported_build)
   values ($1, $2, $3, $4, $5, $6, $7)`,
);
const list = statement<VersionRow>(
  "releases.list",
  `select platform, version, build_number, min_supported_build, force_update, is_active, download_url,
     date_trunc('second', release_date) as release_date
   from app_versions order by platform, build_number desc limit $1`,
);

type VersionRow = Omit<Required<RouteOutput<"version">>, "changelog"> & { platform: string; is_active: boolean };

/** App versions. Of a platform's active rows the one with the highest build number counts; release jobs insert some by hand. */
export function versionStore(db: Database) {
  return {
    newest: async (platform: string) => (await db.query(newest, [platform]))[0],
    /**
     * From now on apps of the platform are told of this version; there is an active one at every moment.
     * @throws ReleaseError when its build is not the highest
     */
    async publish({ platform, version, build, url, changelog, force, minBuild }: Release): Promise<void> {
      const refuse = (highest: number): never => {
        throw new ReleaseError(`${platform} has build ${highest} already; a new version needs a higher build number`);
      };
      try {
        await db.transaction(async (queries) => {
          const [active] = await queries.query(newest, [platform]);
          if (active !== undefined && active.build_number >= build) refuse(active.build_number);
          await queries.query(retire, [platform, build]);
          await queries.query(insert, [platform, version, build, url, changelog, force, minBuild]);
        });
      } catch (error) {
        if (violatedConstraint(error) === "app_versions_platform_build_number_key") refuse(build);
        throw error;
      }
    },
    list: (limit: number) => db.query(list, [limit]),
  };
}
export type VersionStore = ReturnType<typeof versionStore>;
