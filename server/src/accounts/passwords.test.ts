import { hash as bcryptHash } from "@node-rs/bcrypt";
import { expect, test } from "vitest";
import { createPasswords } from "./passwords.ts";

const { hash: hashFor, matches: matchesFor, isOld } = createPasswords();
const passwords = {
  isOld,
  hash: (password: string) => hashFor(password, 1),
  matches: (password: string, stored: string | undefined) => matchesFor(password, stored, 1),
};

test("new hashes are argon2id and match their password only", async () => {
  const stored = await passwords.hash("correct horse");
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await passwords.matches("correct horse", stored)).toBe(true);
  expect(await passwords.matches("correct hors", stored)).toBe(false);
  expect(passwords.isOld(stored)).toBe(false);
});

test("bcrypt hashes of the old server match and are known to be old", async () => {
  const stored = await bcryptHash("correct horse", { cost: 10, version: "2a" });
  expect(stored).toMatch(/^\$2a\$10\$/);
  expect(await passwords.matches("correct horse", stored)).toBe(true);
  expect(await passwords.matches("wrong horse", stored)).toBe(false);
  expect(passwords.isOld(stored)).toBe(true);
});

test("no account matches no password, not even the one that stands in for it", async () => {
  expect(await passwords.matches("nobody has this password", undefined)).toBe(false);
});

test.each(["", "-", "$argon2id$broken", "$2a$10$broken", "$2a$99$", "plain"])(
  "a damaged hash %j matches nothing",
  async (stored) => {
    expect(await passwords.matches("-", stored)).toBe(false);
  },
);

test.each(["a\0b\0c", "\ud800\udfff\ud800", "😀".repeat(18), "x".repeat(1_000_000)])(
  "any text can be a password",
  async (password) => {
    const stored = await passwords.hash(password);
    expect(await passwords.matches(password, stored)).toBe(true);
    expect(await passwords.matches(`${password}x`, stored)).toBe(false);
  },
);

test("A7: accounts take turns in front of the hash", async () => {
  const { hash } = createPasswords({ workers: 1 });
  const done: number[] = [];
  await Promise.all(
    [1, 1, 1, 1, 2].map(async (turn) => {
      await hash("x", turn);
      done.push(turn);
    }),
  );
  expect(done).toEqual([1, 1, 2, 1, 1]);
});

test("beyond its bound the queue refuses, and what was taken is finished", async () => {
  const busy = createPasswords({ workers: 1, waiting: 3 });
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => busy.hash("x", 1)));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "unavailable" });
  }
  expect(await busy.hash("again", 1)).toMatch(/^\$argon2id/);
});
