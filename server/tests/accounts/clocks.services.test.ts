import { afterEach, expect, test, vi } from "vitest";
import { migratedDatabase } from "../fixtures/migrated-database.ts";
import { startTestServer } from "../fixtures/test-server.ts";

afterEach(() => void vi.useRealTimers());

test("C5: nodes whose clocks are 90 s apart end nobody's session, and take each other's tokens", async () => {
  const env = { DATABASE_URL: await migratedDatabase() };
  await using one = await startTestServer({ env });
  await using other = await startTestServer({ env });
  /** As on a machine whose clock is so many seconds off. */
  const on = async <T>(seconds: number, work: () => Promise<T>): Promise<T> => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1_000 });
    try {
      return await work();
    } finally {
      vi.useRealTimers();
    }
  };
  for (const [first, second] of [
    [-90, 0],
    [0, -90],
    [-3_600, 3_600],
  ] as const) {
    const user = await on(first, () => one.register(`clock_${first + 4_000}`));
    const me = await on(second, () => other.request("GET", "/api/users/me", { token: user.access }));
    // Two tabs renew with one token: that must not look like a thief, whichever node is asked.
    const renew = (server: typeof one) =>
      server.request("POST", "/api/auth/refresh", { cookie: `om_refresh=${user.refresh}` });
    const renewed = await on(first, () => renew(one));
    const again = await on(second, () => renew(other));
    const { access_token: access = "" } = again.json() as { access_token?: string };
    const after = await on(first, () => one.request("GET", "/api/users/me", { token: access }));
    expect([me, renewed, again, after].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  }
});
