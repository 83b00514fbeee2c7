import { Type } from "typebox";
import { Time } from "./entities.ts";
import { route, text, Whole, type Route } from "./route.ts";

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
  /** `platform`: android (default), ios or web. */
  version: route({
    method: "GET",
    path: "/api/version",
    auth: "none",
    csrf: false,
    status: 200,
    output: AppVersion,
  }),
  /** `build`: what the caller runs. */
  checkVersion: route({
    method: "GET",
    path: "/api/version/check",
    auth: "none",
    csrf: false,
    failure: "update_check_failed",
    status: 200,
    output: Type.Object({
      current_build: Type.Integer(),
      needs_update: Type.Boolean(),
      force_update: Type.Boolean(),
      latest_version: AppVersion,
    }),
  }),
} satisfies Record<string, Route>;
