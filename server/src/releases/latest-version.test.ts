import { expect, test } from "vitest";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { latestVersion } from "./latest-version.ts";
import type { VersionStore } from "./version-store.ts";

function failing(error: Error): VersionStore {
  const newest = async (): Promise<never> => {
    throw error;
  };
  return { newest } as unknown as VersionStore;
}

test("an outage of the database asks nobody to update", async () => {
  expect(await latestVersion(failing(new DatabaseUnavailable(new Error("down"))))).toEqual({
    build_number: 1,
    changelog: "",
    download_url: "",
    force_update: false,
    min_supported_build: 1,
    version: "1.0.0",
  });
});

test("a defect stays one", async () => {
  await expect(latestVersion(failing(new Error("a typo")))).rejects.toThrow("a typo");
});
