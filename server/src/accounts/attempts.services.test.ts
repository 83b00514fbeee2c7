import { expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { attemptStore, type Claimant } from "./attempt-store.ts";

const secret = "a secret of the tests, long enough";
const place = (address: string, device = "unknown") => ({ address, device });

describeDatabases("B2: guessing a password", (database) => {
  const node = () => attemptStore(database.db, { free: 10, secret });
  const of = (userId: number, from: Claimant["from"]): Claimant => ({ account: { userId }, from });
  /** How many of so many attempts side by side may be judged. */
  const judged = async (attempts: number, who: (i: number) => Claimant) => {
    const store = node();
    const all = await Promise.all(Array.from({ length: attempts }, (_, i) => store.count(who(i))));
    return all.filter((one) => typeof one !== "number").length;
  };
  const rows = (text: string, values: unknown[] = []) => database.rows(text, values);
  /** What was judged last was so many seconds ago; 0: just now, for however long the test takes. */
  const later = (seconds: number) =>
    rows("update password_attempts set last_at = clock_timestamp() - make_interval(secs => $1)", [seconds || -3600]);
  /** So many, or one or two more if that took a second. */
  const about = (count: number) =>
    expect.toSatisfy((found: number) => found >= count && found <= count + 2, String(count));
  const clean = () => rows("delete from password_attempts");

  test("one account from many addresses, at several nodes, side by side: ten are judged, then each further one waits twice as long, 15 minutes at most", async () => {
    await clean();
    expect(await judged(40, (i) => of(1, place(`198.51.100.${i}`)))).toEqual(about(10));
    await rows("update password_attempts set failures = 10 where name = 'u1'");
    const from = (i: number) => of(1, place(`203.0.113.${i}`));
    const waits: number[] = [];
    for (let i = 0; i < 13; i++) {
      await later(0);
      const wait = await node().count(from(i));
      waits.push(wait as number);
      // A refused attempt costs nothing.
      expect(await node().count(from(i))).toBe(wait);
      await later(wait as number);
      expect(await node().count(from(i))).toHaveLength(2);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    expect(await judged(5, (i) => of(2, place(`198.51.100.${i}`)))).toBe(5);
    await later(24 * 3600 + 1);
    expect(await judged(40, (i) => of(1, place(`192.0.2.${i}`)))).toEqual(about(10));
  });

  test("a device and a network from which the owner has logged in are counted by themselves, however others guess", async () => {
    await clean();
    await node().remember(1, place("192.0.2.1", "laptop"));
    expect(await judged(20, (i) => of(1, place(`198.51.100.${i}`)))).toEqual(about(10));
    expect(await judged(3, () => of(1, place("203.0.113.9", "laptop")))).toBe(3);
    expect(await judged(3, () => of(1, place("192.0.2.1", "phone")))).toBe(3);
    // Another account's device is none of this one's, and a known one may not guess for ever.
    expect(await judged(3, () => of(2, place("203.0.113.9", "laptop")))).toBe(3);
    expect(await rows("select * from password_attempts where name like 'd2 %'")).toEqual([]);
    expect(await judged(20, () => of(1, place("203.0.113.9", "laptop")))).toEqual(about(7));
    await node().remember(1, place("203.0.113.9", "laptop"));
    expect(await judged(5, () => of(1, place("203.0.113.9", "laptop")))).toBe(5);
  });

  test("within a session too, which nobody else's guesses keep from a change of the password", async () => {
    await clean();
    const session = of(1, { sessionId: 70, address: "192.0.2.1" });
    expect(await judged(20, (i) => of(1, place(`198.51.100.${i}`)))).toEqual(about(10));
    expect(await judged(20, () => session)).toEqual(about(10));
  });

  test("an address that nobody has is counted like one that somebody has, and one network's guesses at all accounts together", async () => {
    await clean();
    const nobody = (i: number, email = "nobody@x"): Claimant => ({
      account: { email },
      from: place(`198.51.100.${i}`),
    });
    expect(await judged(20, (i) => nobody(i))).toEqual(about(10));
    await clean();
    expect(await judged(150, (i) => of(1_000 + i, place("2001:db8:7::/48")))).toEqual(about(100));
    await rows("update password_attempts set failures = 1000 where name like 'n%'");
    await later(0);
    // Others of that network get in soon.
    expect(await node().count(of(2_000, place("2001:db8:7::/48")))).toBe(10);
  });

  test("what was right is taken back; what no longer counts is forgotten, and of the places of one user the oldest; nothing says who or where", async () => {
    await clean();
    for (let i = 0; i < 30; i++) {
      const counted = await node().count(of(1, place("192.0.2.1", "laptop")));
      await node().takeBack(counted as string[]);
    }
    for (let i = 0; i < 60; i++) await node().remember(1, place("192.0.2.1", `device ${i}`));
    await node().count({ account: { email: "nobody@x" }, from: place("192.0.2.1") });
    const names = (await database.rows<{ name: string }>("select name from password_attempts")).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith("d1 "))).toHaveLength(51);
    expect(names.filter((name) => /192|nobody|device/.test(name))).toEqual([]);
    await later(25 * 3600);
    await node().purge();
    expect(await rows("select count(*)::int as count from password_attempts")).toEqual([{ count: 51 }]);
    await later(181 * 24 * 3600);
    await node().purge();
    expect(await rows("select name from password_attempts")).toEqual([]);
  });

  test("LOGIN_LIMIT=0 counts nothing", async () => {
    await clean();
    const off = attemptStore(database.db, { free: 0, secret });
    for (let i = 0; i < 30; i++) expect(await off.count(of(1, place("192.0.2.1")))).toEqual([]);
    await off.remember(1, place("192.0.2.1"));
    expect(await rows("select name from password_attempts")).toEqual([]);
  });
});
