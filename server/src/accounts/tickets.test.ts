import { expect, test } from "vitest";
import { createTickets } from "./tickets.ts";

const clock = { now: 1_000_000 };
const secret = "a secret of the tests, long enough";
const tickets = createTickets(secret, "", () => clock.now);

test("a ticket tells its session for 30 s, and no two are alike", () => {
  const [one, two] = [tickets.issue(7), tickets.issue(7)];
  expect(tickets.read(one)).toMatchObject({ sessionId: 7 });
  expect(tickets.read(one)?.hash).not.toBe(tickets.read(two)?.hash);
  clock.now += 29_000;
  expect(tickets.read(one)).toBeDefined();
  clock.now += 1_000;
  expect(tickets.read(one)).toBeUndefined();
});

test("forged, foreign and malformed tickets are none; a key that was changed goes on for a while", () => {
  const good = tickets.issue(7);
  const foreign = createTickets("another secret, long enough too", "", () => clock.now);
  expect(tickets.read(foreign.issue(7))).toBeUndefined();
  const [session, end, nonce, signature] = good.split(".");
  const forged = [
    ["8", end, nonce, signature],
    [session, String(Number(end) + 1), nonce, signature],
    [session, end, "A".repeat(16), signature],
    [session, end, nonce, "A".repeat(43)],
    [`0${session}`, end, nonce, signature],
    [session, end, nonce, signature, ""],
    [session, end, nonce],
  ].map((parts) => parts.join("."));
  for (const text of [...forged, "", "x", ".", "é".repeat(80), `${good} `, "1".repeat(10_000)])
    expect(tickets.read(text), text).toBeUndefined();
  expect(createTickets("another secret, long enough too", secret, () => clock.now).read(good)).toMatchObject({
    sessionId: 7,
  });
});

test("another spelling of the signature is the same ticket", () => {
  const good = tickets.issue(7);
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  // The last letter stands for four bits only.
  const again = good.slice(0, -1) + (letters[letters.indexOf(good.at(-1) ?? "") + 1] ?? "");
  expect(tickets.read(again)?.hash).toBe(tickets.read(good)?.hash);
});
