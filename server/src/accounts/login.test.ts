import { expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import type { Claimant, Place } from "./attempt-store.ts";
import { login } from "./login.ts";

type Deps = Parameters<typeof login>[0];
const answer = { access_token: "a", refresh_token: "r" } as unknown as Awaited<ReturnType<Deps["sessions"]["open"]>>;
const here = { userAgent: "", address: "203.0.113.1", device: "laptop" };

/** One account, `nika@x` with the password `right`; records what was compared, and what became of what was counted. */
function setUp(openSession: () => Promise<typeof answer> = async () => answer) {
  const compared: (string | undefined)[] = [];
  const happened: string[] = [];
  const deps = {
    accounts: {
      forLogin: async (email: string) =>
        email === "nika@x" ? { id: 7, password_hash: "hash", state: "open" } : undefined,
    },
    passwords: {
      async matches(password: string, stored: string | undefined) {
        compared.push(stored);
        return password === "right" && stored !== undefined;
      },
      isOld: () => false,
    },
    sessions: { open: openSession },
    attempts: {
      async count({ account }: Claimant) {
        happened.push(`counted ${JSON.stringify(account)}`);
        return "userId" in account || account.email !== "waits@x" ? ["it"] : 77;
      },
      takeBack: async () => void happened.push("taken back"),
      remember: async (userId: number, { device }: Place) => void happened.push(`${device} is of ${userId}`),
    },
  } as unknown as Deps;
  const attempt = (email: string, password: string): Promise<unknown> =>
    login(deps, { email, password }, here).then(
      () => "in",
      (error: unknown) => (error instanceof OmError ? error.code : error),
    );
  return { attempt, compared, happened };
}

test("an unknown account costs a comparison like a known one", async () => {
  const { attempt, compared } = setUp();
  expect(await attempt("nobody@x", "right")).toBe("invalid_credentials");
  expect(await attempt("nika@x", "wrong")).toBe("invalid_credentials");
  expect(compared).toEqual([undefined, "hash"]);
});

test("each attempt is counted before it is judged; what must wait is not judged", async () => {
  const { attempt, compared, happened } = setUp();
  expect(await attempt(" WAITS@x ", "right")).toBe("too_many_attempts");
  expect([compared, happened]).toEqual([[], ['counted {"email":"waits@x"}']]);
});

test("what succeeds, or fails for another reason, is taken back; only a success makes the device known", async () => {
  const good = setUp();
  expect(await good.attempt(" NIKA@x ", "right")).toBe("in");
  expect(good.happened).toEqual(['counted {"userId":7}', "laptop is of 7", "taken back"]);
  const broken = setUp(() => Promise.reject(new Error("down")));
  expect(await broken.attempt("nika@x", "right")).toEqual(new Error("down"));
  expect(broken.happened).toEqual(['counted {"userId":7}', "taken back"]);
  const wrong = setUp();
  expect(await wrong.attempt("nika@x", "wrong")).toBe("invalid_credentials");
  expect(wrong.happened).toEqual(['counted {"userId":7}']);
});

test("an e-mail of megabytes is just unknown", async () => {
  const { attempt } = setUp();
  expect(await attempt(`${"x".repeat(4_000_000)}@x`, "right")).toBe("invalid_credentials");
});

test.each([
  ["", "x"],
  ["  ", "x"],
  ["nika@x", ""],
])("e-mail %j with password %j is missing_fields", async (email, password) => {
  expect(await setUp().attempt(email, password)).toBe("missing_fields");
});
