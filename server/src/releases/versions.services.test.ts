import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { composeReleases } from "./compose.ts";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import type { Release } from "./parse-release.ts";
import { versionStore } from "./version-store.ts";

const noUpdate = {
  build_number: 1,
  changelog: "",
  download_url: "",
  force_update: false,
  min_supported_build: 1,
  version: "1.0.0",
};
const wholeSeconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

describeDatabases("app versions", (database) => {
  let http: TestHttp;
  beforeAll(async () => {
    http = await openHttp({ handlers: composeReleases(database.db) });
  });
  afterAll(() => http[Symbol.asyncDispose]());
  beforeEach(() => database.rows("delete from app_versions"));

  const get = async (path: string) => {
    const answer = await http.call("GET", path);
    return { status: answer.status, body: answer.json() };
  };
  const publish = (build: number, more: Partial<Release> = {}) => {
    const release: Release = {
      platform: "android",
      version: `1.0.${build}`,
      build,
      url: `https://x.example/${build}`,
      changelog: "",
      force: false,
      minBuild: 0,
      ...more,
    };
    return versionStore(database.db).publish(release);
  };
  /** As release jobs do it. */
  const insert = (columns: string, values: string) =>
    database.rows(
      `insert into app_versions (platform, version, build_number, download_url${columns}) values ${values}`,
    );

  test("the newest version, with a release date in whole seconds", async () => {
    await publish(7, { changelog: "é\nnew", force: true, minBuild: 3 });
    expect(await get("/api/version?platform=android")).toEqual({
      status: 200,
      body: {
        build_number: 7,
        changelog: "é\nnew",
        download_url: "https://x.example/7",
        force_update: true,
        min_supported_build: 3,
        release_date: expect.stringMatching(wholeSeconds) as string,
        version: "1.0.7",
      },
    });
    await insert(", release_date", "('web', '2', 2, 'u', '2026-03-04 05:06:07.987654Z')");
    expect((await get("/api/version?platform=web")).body["release_date"]).toBe("2026-03-04T05:06:07Z");
  });

  test("nothing published, or an unknown platform: the noUpdate version, without a release date", async () => {
    await insert(", is_active", "('ios', '1', 9, 'u', false)");
    for (const query of ["", "?platform=ios", "?platform=mac", "?platform=Android", "?platform=%00"]) {
      expect(await get(`/api/version${query}`)).toEqual({ status: 200, body: noUpdate });
    }
  });

  test("android is meant when no platform is named", async () => {
    await publish(7);
    await publish(9, { platform: "ios" });
    for (const query of ["", "?platform=", "?platform=android"]) {
      expect((await get(`/api/version${query}`)).body).toMatchObject({ build_number: 7 });
    }
    expect((await get("/api/version?platform=ios")).body).toMatchObject({ build_number: 9 });
    expect((await get("/api/version/check?build=1")).body).toMatchObject({ latest_version: { build_number: 7 } });
  });

  test("of several active rows the highest build counts, of inactive ones none", async () => {
    await insert(", is_active", "('web', 'b', 5, 'u', true), ('web', 'c', 6, 'u', false), ('web', 'a', 4, 'u', true)");
    expect((await get("/api/version?platform=web")).body).toMatchObject({ version: "b", build_number: 5 });
  });

  test("one build number may be used on every platform (D-53)", async () => {
    await publish(7);
    await publish(7, { platform: "ios" });
    await publish(7, { platform: "web" });
    for (const platform of ["android", "ios", "web"]) {
      expect((await get(`/api/version?platform=${platform}`)).body).toMatchObject({ build_number: 7 });
    }
  });

  test.each([
    [6, { minBuild: 0, force: false }, { needs_update: true, force_update: false }],
    [7, { minBuild: 0, force: true }, { needs_update: false, force_update: false }],
    [6, { minBuild: 0, force: true }, { needs_update: true, force_update: true }],
    [4, { minBuild: 5, force: false }, { needs_update: true, force_update: true }],
    [5, { minBuild: 5, force: false }, { needs_update: true, force_update: false }],
    [8, { minBuild: 5, force: true }, { needs_update: false, force_update: false }],
    [-1, { minBuild: 1, force: false }, { needs_update: true, force_update: true }],
  ])("check of build %i against 7 with %o: %o", async (build, more, expected) => {
    await publish(7, more);
    const latest = (await get("/api/version")).body;
    expect(await get(`/api/version/check?platform=android&build=${build}`)).toEqual({
      status: 200,
      body: { current_build: build, latest_version: latest, ...expected },
    });
  });

  test("a minimum that a job set above its own build forces even that build", async () => {
    await insert(", min_supported_build", "('android', '1', 7, 'u', 9)");
    const { body } = await get("/api/version/check?build=8");
    expect(body).toMatchObject({ needs_update: false, force_update: true });
  });

  test.each([
    "",
    "?build=",
    "?build=0",
    "?build=-0",
    "?build=x",
    "?build=1.5",
    "?build=1e3",
    "?build=9007199254740993",
  ])("check%s is missing_build", async (query) => {
    await publish(7);
    expect(await get(`/api/version/check${query}`)).toMatchObject({
      status: 400,
      body: { code: "missing_build", error: "build parameter is required" },
    });
  });

  test("check: 500 update_check_failed when nothing is published or the platform is unknown, without a failure of ours", async () => {
    for (const platform of ["android", "ios", "mac"]) {
      expect(await get(`/api/version/check?platform=${platform}&build=3`)).toMatchObject({
        status: 500,
        body: { code: "update_check_failed", error: "Internal server error" },
      });
    }
    expect(http.failures).toEqual([]);
  });

  test("publishing retires the platform's older versions and no others", async () => {
    await insert("", "('android', 'a', 4, 'u'), ('android', 'b', 5, 'u'), ('ios', 'c', 4, 'u')");
    await publish(7);
    const rows = await database.rows("select platform, build_number, is_active from app_versions order by 1, 2");
    expect(rows).toEqual([
      { platform: "android", build_number: 4, is_active: false },
      { platform: "android", build_number: 5, is_active: false },
      { platform: "android", build_number: 7, is_active: true },
      { platform: "ios", build_number: 4, is_active: true },
    ]);
  });

  test("a build that is not the highest is refused and changes nothing", async () => {
    await publish(7);
    await expect(publish(7)).rejects.toThrow("android has build 7 already; a new version needs a higher build number");
    await expect(publish(6)).rejects.toThrow("android has build 7 already");
    expect((await get("/api/version")).body).toMatchObject({ build_number: 7 });
    await database.rows("update app_versions set is_active = false");
    await expect(publish(7)).rejects.toThrow("android has build 7 already");
  });

  test("update checks find a version at every moment of publishing, and never an older one than before", async () => {
    await publish(1);
    let done = false;
    const publishing = (async () => {
      for (let build = 2; build <= 20; build += 1) await publish(build);
      done = true;
    })();
    const seen: unknown[] = [];
    while (!done) {
      const { status, body } = await get("/api/version/check?build=1");
      seen.push(status === 200 ? (body["latest_version"] as { build_number: number }).build_number : status);
    }
    await publishing;
    expect(seen).toEqual((seen as number[]).toSorted((a, b) => a - b));
    expect(seen).not.toContain(500);
    expect((await get("/api/version/check?build=1")).body).toMatchObject({ latest_version: { build_number: 20 } });
  });

  test("a publisher that was overtaken does not retire the newer version", async () => {
    const sql = (text: string) => ({ name: "", text });
    await publish(1);
    let overtaken: Promise<unknown> = Promise.resolve();
    await database.db.transaction(async (queries) => {
      await queries.query(sql("lock table app_versions in exclusive mode"), []);
      overtaken = Promise.allSettled([publish(2)]);
      const blocked = sql("select 1 from pg_locks where not granted");
      // It has read that build 1 is the newest.
      while ((await queries.query(blocked, [])).length === 0);
      const newer =
        "insert into app_versions (platform, version, build_number, download_url) values ('android', '3', 3, 'u')";
      await queries.query(sql(newer), []);
    });
    await overtaken;
    expect((await get("/api/version")).body).toMatchObject({ build_number: 3 });
  });

  test("whatever order publishers side by side commit in, the highest build stays active", async () => {
    await publish(1);
    await Promise.allSettled([5, 3, 4, 2, 6].map((build) => publish(build)));
    expect((await get("/api/version")).body).toMatchObject({ build_number: 6 });
  });
});
