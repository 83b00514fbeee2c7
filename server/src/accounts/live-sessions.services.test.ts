import { afterAll, beforeAll, expect, test } from "vitest";
import { openAccounts, type SignedUp, type TestAccounts } from "../../tests/fixtures/accounts-server.ts";
import { testSecret } from "../../tests/fixtures/accounts-server.ts";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import type { HubSocket } from "../delivery/hub.ts";
import { createAccessTokens } from "./access-token.ts";

const minute = 60_000;

describeDatabases("sessions that go on", (database) => {
  /** Two nodes that hear nothing of each other. */
  let here: TestAccounts;
  let there: TestAccounts;
  beforeAll(async () => {
    [here, there] = [await openAccounts(database.db), await openAccounts(database.db)];
  });
  afterAll(() => Promise.all([here[Symbol.asyncDispose](), there[Symbol.asyncDispose]()]));

  const status = async (node: TestAccounts, headers: SignedUp["bearer"]) =>
    (await node.call("GET", "/api/users/me", { headers })).status;
  const sessionOf = async (node: TestAccounts, headers: SignedUp["bearer"]) => {
    const answer = await node.call("GET", "/api/sessions", { headers });
    const { sessions } = answer.json() as unknown as { sessions: { id: number; current: boolean }[] };
    return sessions.find(({ current }) => current)?.id;
  };
  const endAll = (who: SignedUp) =>
    here.call("POST", "/api/auth/logout", { headers: { cookie: `om_refresh=${who.refresh}` } });
  /** A token of the old server. */
  const oldToken = async (userId: number) => {
    const token = await createAccessTokens(testSecret, () => there.clock.now).issue({ userId, role: "user" });
    return { authorization: `Bearer ${token}` };
  };

  let sockets = 0;
  /** A socket at the other node. @returns why it was closed, so far */
  function open(userId: number, more: Partial<HubSocket>): string[] {
    const why: string[] = [];
    const nothing = (): void => undefined;
    const socket = {
      id: String((sockets += 1)),
      userId,
      sessionId: undefined,
      resuming: true,
      push: nothing,
      evict: nothing,
    };
    const times = { openedAt: there.clock.now, tokenEndsAt: undefined };
    there.hub.add({ ...socket, ...times, end: (reason) => void why.push(reason), ...more });
    return why;
  }

  test("B1: a node that did not hear of the end of a session knows it within a minute, a node that starts at once", async () => {
    const who = await here.signUp("ends_elsewhere");
    const sessionId = await sessionOf(there, who.bearer);
    const why = open(who.id, { sessionId });
    await there.check();
    await endAll(who);
    expect([await status(here, who.bearer), await status(there, who.bearer)]).toEqual([401, 200]);
    there.clock.now += minute;
    // A clock that is set back makes no minute longer.
    there.clock.setBack = 60 * minute;
    await there.check();
    there.clock.setBack = 0;
    expect([await status(there, who.bearer), why]).toEqual([401, ["ended"]]);
    await using started = await openAccounts(database.db);
    expect(await status(started, who.bearer)).toBe(401);
  });

  test("B1: when the bus comes back, all that is in use is looked at", async () => {
    const [who, other] = [await here.signUp("bus_back"), await here.signUp("bus_back_too")];
    const ended = open(who.id, { sessionId: await sessionOf(there, who.bearer) });
    const stays = open(other.id, { sessionId: await sessionOf(there, other.bearer) });
    await endAll(who);
    await there.check();
    expect(ended).toEqual([]);
    await there.check(true);
    expect([ended, stays]).toEqual([["ended"], []]);
    expect([await status(there, who.bearer), await status(there, other.bearer)]).toEqual([401, 200]);
  });

  test("B1: a connect asks the database, whatever was known a moment before", async () => {
    const who = await here.signUp("connects");
    const token = who.access;
    expect(await there.live.verify(token)).toMatchObject({ userId: who.id, email: "connects@example.org" });
    await endAll(who);
    expect(await there.live.verify(token)).toBeDefined();
    expect(await there.live.verify(token, { isConnect: true })).toBeUndefined();
    expect(await there.live.verify(token)).toBeUndefined();
  });

  test("B1: tokens and sockets of a closed account are over too, those of the old server included", async () => {
    const who = await here.signUp("closes");
    const old = await oldToken(who.id);
    expect([await status(there, who.bearer), await status(there, old)]).toEqual([200, 200]);
    const [why, whyOld] = [open(who.id, { sessionId: await sessionOf(there, who.bearer) }), open(who.id, {})];
    await here.post("/api/users/me/delete", { password: "password of closes" }, who.bearer);
    expect(await status(here, old)).toBe(401);
    there.clock.now += minute;
    await there.check();
    expect([await status(there, who.bearer), await status(there, old)]).toEqual([401, 401]);
    expect([why, whyOld]).toEqual([["ended"], ["ended"]]);
  });

  test("B1: a socket whose token stood in the address must have been renewed by the token's end, others live as long as the session", async () => {
    const [idle, busy] = [await here.signUp("idle"), await here.signUp("busy")];
    there.clock.now = here.clock.now;
    const tokenEndsAt = there.clock.now + 5_000;
    const ids = [await sessionOf(there, idle.bearer), await sessionOf(there, busy.bearer)] as const;
    const fromUrl = open(idle.id, { sessionId: ids[0], tokenEndsAt });
    const byCookie = open(idle.id, { sessionId: ids[0] });
    const renewed = open(busy.id, { sessionId: ids[1], tokenEndsAt });
    const ofOldServer = open(idle.id, { tokenEndsAt });
    here.clock.now += 1_000;
    await here.refresh(busy.refresh);
    await there.check();
    expect([fromUrl, ofOldServer]).toEqual([[], []]);
    there.clock.now += 5_000;
    await there.check();
    expect([fromUrl, byCookie, renewed, ofOldServer]).toEqual([["expired"], [], [], ["expired"]]);
  });

  test("B1: while the database is away nobody is logged out", async () => {
    const who = await here.signUp("outage");
    const why = open(who.id, { sessionId: await sessionOf(there, who.bearer) });
    await database.rows("alter table sessions rename to sessions_away");
    there.clock.now += minute;
    await expect(there.check()).rejects.toThrow("sessions");
    await database.rows("alter table sessions_away rename to sessions");
    await there.check();
    expect([why, await status(there, who.bearer)]).toEqual([[], 200]);
  });

  test("B1: a ticket opens one socket, on any node, within 30 s, while its session goes on", async () => {
    const who = await here.signUp("ticket");
    const ticket = async () => {
      const answer = await here.call("POST", "/api/sessions/ticket", { headers: who.bearer });
      expect([answer.status, answer.json()["expires_in"]]).toEqual([200, 30]);
      return String(answer.json()["ticket"]);
    };
    there.clock.now = here.clock.now;
    const use = async (given: string) => (await there.live.useTicket(given)?.())?.userId;
    const first = await ticket();
    expect([await use(first), await use(first), await use("x"), await use("")]).toEqual([
      who.id,
      undefined,
      undefined,
      undefined,
    ]);
    const [one, two] = [await ticket(), await ticket()];
    const together = await Promise.all([one, two, one, two, one].map(use));
    expect(together).toEqual([who.id, who.id, undefined, undefined, undefined]);
    const atBoth = await ticket();
    const uses = await Promise.all([here, there].map(async (node) => node.live.useTicket(atBoth)?.()));
    expect(uses.filter((caller) => caller !== undefined)).toHaveLength(1);
    const late = await ticket();
    there.clock.now += 31_000;
    expect(await use(late)).toBeUndefined();
    there.clock.now -= 31_000;
    const over = await ticket();
    await endAll(who);
    expect(await use(over)).toBeUndefined();
    const none = await here.call("POST", "/api/sessions/ticket", { headers: await oldToken(who.id) });
    expect([none.status, none.json()["code"]]).toEqual([401, "unauthorized"]);
  });
});
