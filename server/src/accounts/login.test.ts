import { expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import { createRateLimit } from "../platform/rate-limit.ts";
import { login } from "./login.ts";

type Deps = Parameters<typeof login>[0];
const answer = { access_token: "a", refresh_token: "r" } as unknown as Awaited<ReturnType<Deps["sessions"]["open"]>>;
const here = { userAgent: "", address: "203.0.113.1" };

/** One account, `nika@x` with the password `right`; records what was compared. */
function setUp(limit: number, openSession: () => Promise<typeof answer> = async () => answer) {
  let now = 0;
  const compared: (string | undefined)[] = [];
  const deps = {
    accounts: {
      byEmailForLogin: async (email: string) => (email === "nika@x" ? { id: 7, password_hash: "hash" } : undefined),
    },
    passwords: {
      async matches(password: string, stored: string | undefined) {
        compared.push(stored);
        return password === "right" && stored !== undefined;
      },
      isOld: () => false,
    },
    sessions: { open: openSession },
    failures: createRateLimit({ limit, windowMs: 900_000, now: () => now }),
  } as unknown as Deps;
  const attempt = (email: string, password: string, from = here): Promise<unknown> =>
    login(deps, { email, password }, from).then(
      () => "in",
      (error: unknown) => (error instanceof OmError ? error.code : error),
    );
  return { attempt, compared, later: (ms: number) => void (now += ms) };
}

test("an unknown account costs a comparison like a known one", async () => {
  const { attempt, compared } = setUp(0);
  expect(await attempt("nobody@x", "right")).toBe("invalid_credentials");
  expect(await attempt("nika@x", "wrong")).toBe("invalid_credentials");
  expect(compared).toEqual([undefined, "hash"]);
});

test("failed logins of one account from one address end in too_many_attempts, even side by side, until the window ends", async () => {
  const { attempt, compared, later } = setUp(5);
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => attempt(" NIKA@x ", "wrong")));
  expect(outcomes.filter((outcome) => outcome === "invalid_credentials")).toHaveLength(5);
  expect(compared).toHaveLength(5);
  expect(await attempt("nika@x", "right")).toBe("too_many_attempts");
  expect(await attempt("nika@x", "right", { ...here, address: "203.0.113.2" })).toBe("in");
  expect(await attempt("other@x", "wrong")).toBe("invalid_credentials");
  later(900_000);
  expect(await attempt("nika@x", "right")).toBe("in");
});

test("what succeeds, or fails for another reason, does not count", async () => {
  const { attempt } = setUp(1);
  for (let i = 0; i < 5; i++) expect(await attempt("nika@x", "right")).toBe("in");
  const broken = setUp(1, () => Promise.reject(new Error("down")));
  for (let i = 0; i < 5; i++) expect(await broken.attempt("nika@x", "right")).toEqual(new Error("down"));
});

test("an e-mail of megabytes is just unknown", async () => {
  const { attempt } = setUp(5);
  expect(await attempt(`${"x".repeat(4_000_000)}@x`, "right")).toBe("invalid_credentials");
});

test.each([
  ["", "x"],
  ["  ", "x"],
  ["nika@x", ""],
])("e-mail %j with password %j is missing_fields", async (email, password) => {
  expect(await setUp(5).attempt(email, password)).toBe("missing_fields");
});
