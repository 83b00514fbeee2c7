import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "vitest";
import { createAccessTokens } from "./access-token.ts";

const secret = "a secret of the tests, long enough";
const nika = { userId: 7, role: "user", sessionId: undefined };
let now = 1_800_000_000_500;
const seconds = 1_800_000_000;
const tokens = createAccessTokens(secret, () => now);

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = { exp: seconds + 900, role: "user", user_id: 7 };
const read = { ...nika, endsAt: (seconds + 900) * 1000 };
/** As the old server makes them. */
function minted(payload: unknown, header: unknown = { alg: "HS256", typ: "JWT" }, key = secret): string {
  const text = `${part(header)}.${part(payload)}`;
  const hash = (header as { alg?: string }).alg === "HS512" ? "sha512" : "sha256";
  return `${text}.${createHmac(hash, key).update(text).digest("base64url")}`;
}

test("an issued token carries its claims and no e-mail, lives 900 seconds and is read back", async () => {
  now = seconds * 1000 + 500;
  const token = await tokens.issue(nika);
  const [header = "", payload = ""] = token.split(".");
  const parsed = (text: string): unknown => JSON.parse(Buffer.from(text, "base64url").toString());
  expect(parsed(header)).toEqual({ alg: "HS256", typ: "JWT" });
  expect(parsed(payload)).toEqual(claims);
  expect(await tokens.read(token)).toEqual(read);
});

test("the session is a claim of its own, and comes back", async () => {
  const token = await tokens.issue({ ...nika, sessionId: 5 });
  expect(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())).toEqual({ ...claims, sid: 5 });
  expect(await tokens.read(token)).toEqual({ ...read, sessionId: 5 });
});

test.each([0, -1, 1.5, "5", null, 2 ** 53])("a sid of %j names no session", async (sid) => {
  expect(await tokens.read(minted({ ...claims, sid }))).toEqual(read);
});

test("a token minted with the old server's key is accepted", async () => {
  expect(await tokens.read(minted({ ...claims, email: "nika@example.org" }))).toEqual(read);
});

test("a token ends when it expires, not later", async () => {
  const token = await tokens.issue(nika);
  expect(await tokens.read(token)).toEqual(read);
  now = (seconds + 900) * 1000 - 1;
  expect(await tokens.read(token)).toEqual(read);
  now = (seconds + 900) * 1000;
  expect(await tokens.read(token)).toBeUndefined();
  now = seconds * 1000 + 500;
});

test("a token that is not valid yet is refused, and accepted when it is", async () => {
  const token = minted({ ...claims, nbf: seconds + 60 });
  expect(await tokens.read(token)).toBeUndefined();
  now = (seconds + 60) * 1000;
  expect(await tokens.read(token)).toEqual(read);
  now = seconds * 1000 + 500;
});

test("a token of the previous key is taken beside those of the key, of a third it is not", async () => {
  const both = createAccessTokens("the key after the change", () => now, secret);
  expect(await both.read(minted(claims))).toEqual(read);
  expect(await both.read(await both.issue(nika))).toEqual(read);
  expect(await tokens.read(await both.issue(nika))).toBeUndefined();
  expect(await both.read(minted(claims, undefined, "another secret of some length"))).toBeUndefined();
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const signedByRsa = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
const good = minted(claims);

test.each([
  ["expired", minted({ ...claims, exp: seconds - 1 })],
  ["without exp", minted({ email: "", role: "", user_id: 7 })],
  ["with exp as text", minted({ ...claims, exp: String(claims.exp) })],
  ["with exp null", minted({ ...claims, exp: null })],
  ["with another key", minted(claims, undefined, "another secret of some length")],
  ["with an empty key", minted(claims, undefined, "")],
  ["with alg none and no signature", `${part({ alg: "none", typ: "JWT" })}.${part(claims)}.`],
  ["with alg none and a signature", minted(claims, { alg: "none" })],
  ["with alg HS512", minted(claims, { alg: "HS512", typ: "JWT" })],
  [
    "with alg RS256",
    `${signedByRsa}.${sign("sha256", Buffer.from(signedByRsa), rsa.privateKey).toString("base64url")}`,
  ],
  ["without alg", minted(claims, { typ: "JWT" })],
  ["with a critical header nobody knows", minted(claims, { alg: "HS256", crit: ["x"], x: 1 })],
  ["with a changed payload", `${good.split(".")[0]}.${part({ ...claims, user_id: 8 })}.${good.split(".")[2]}`],
  ["with a cut signature", good.slice(0, -1)],
  ["without signature", good.split(".").slice(0, 2).join(".")],
  ["with a fourth part", `${good}.x`],
  ["with user_id 0", minted({ ...claims, user_id: 0 })],
  ["with a negative user_id", minted({ ...claims, user_id: -7 })],
  ["with user_id as text", minted({ ...claims, user_id: "7" })],
  ["with a fraction as user_id", minted({ ...claims, user_id: 7.5 })],
  ["with a user_id beyond JavaScript", minted({ ...claims, user_id: 2 ** 60 })],
  ["without user_id", minted({ email: "", exp: claims.exp, role: "" })],
  ["with a list as payload", minted([])],
  ["with null as payload", minted(null)],
  ["empty", ""],
  ["dots", ".."],
  ["long", "a".repeat(10_000)],
  ["of lone surrogates", "\ud800.\ud800.\ud800"],
])("a token %s is refused", async (_what, token) => {
  expect(await tokens.read(token)).toBeUndefined();
});
