import { Type } from "./typebox.ts";
import { Time, Whole } from "./entities.ts";
import { get, mayHave, parameter, route, type Route, text } from "./route.ts";

/** The newest version of an app. `release_date` has whole seconds; without it nothing is published for the platform. */
const AppVersion = Type.Object({
  version: text,
  build_number: Whole,
  min_supported_build: Whole,
  force_update: Type.Boolean(),
  download_url: text,
  changelog: text,
  release_date: Type.Optional(Time),
});

export const releaseRoutes = {
  version: route({
    ...get,
    path: "/api/version",
    summary: "The newest version of an app.",
    auth: "none",
    query: Type.Object({ platform: mayHave("`android` (default), `ios` or `web`.") }),
    output: AppVersion,
  }),
  checkVersion: route({
    ...get,
    path: "/api/version/check",
    summary: "Whether the caller's version is to be updated.",
    auth: "none",
    failure: "update_check_failed",
    query: Type.Object({
      platform: mayHave("`android` (default), `ios` or `web`."),
      build: parameter("The build number that runs."),
    }),
    output: Type.Object({
      current_build: Type.Integer(),
      needs_update: Type.Boolean(),
      force_update: Type.Boolean(),
      latest_version: AppVersion,
    }),
  }),
} satisfies Record<string, Route>;
