import { createHmac, hkdfSync } from "node:crypto";
import type { Database } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";
import { createSemaphore } from "../platform/semaphore.ts";

const count = statement<{ counted: string[] | null; wait_seconds: number }>(
  "attempts.count",
  "select counted, wait_seconds from count_attempt($1, $2, $3, $4)",
);
const takeBack = statement<never>(
  "attempts.take_back",
  // Locked in the order in which they are counted.
  `update password_attempts set failures = greatest(0, failures - 1) where name in (
     select name from password_attempts where name = any($1) order by name for update)`,
);
const remember = statement<never>(
  "attempts.remember",
  `with known as (
     insert into password_attempts (name, last_at, known) select n, clock_timestamp(), true from unnest($1::text[]) n order by n
     on conflict (name) do update set failures = 0, last_at = excluded.last_at, known = true
   ) delete from password_attempts where name in (
     select name from password_attempts where name >= $2 and name < $2 || '~' order by last_at desc offset $3)`,
);
const purge = statement<never>(
  "attempts.purge",
  `delete from password_attempts where name in (
     select name from password_attempts
     where last_at < now() - interval '1 day' and (not known or last_at < now() - interval '180 days') limit 5000)`,
);
/** Of the user $1; part of closing an account. */
export const forgetDevices = statement<never>(
  "attempts.forget_devices",
  "delete from password_attempts where name >= 'd' || $1::text || ' ' and name < 'd' || $1::text || ' ~'",
);

/** Devices and networks of one user that are remembered, beside the newest. */
const maxDevices = 50;

/** From where somebody logs in. `device`: what the device was given at an earlier login, or is given now. */
export interface Place {
  device: string;
  address: string;
}

/** Who tries to prove a password: from a place, or within a session. */
export interface Claimant {
  /** Who it would be: a user, or an e-mail address that nobody has. */
  account: { userId: number } | { email: string };
  from: Place | { sessionId: number; address: string };
}

/**
 * Wrong passwords, counted for all nodes. Names are keyed hashes, but for ids: the table tells nobody who logs in from where.
 * @param free wrong passwords of one account before each further one has to wait; 0: nothing is counted
 */
export function attemptStore(db: Database, { free, secret }: { free: number; secret: string }) {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "om password attempts", 32));
  const hidden = (text: string): string => createHmac("sha256", key).update(text).digest("base64url").slice(0, 22);
  // Attempts wait for each other's rows, and must not do so with all of the pool's connections.
  const gate = createSemaphore({ parallel: 4, maxWaiting: 200 });
  const devicesOf = (userId: number, { device, address }: Place): string[] =>
    [`device ${device}`, `network ${address}`].map((one) => `d${userId} ${hidden(one)}`);

  return {
    /** @returns what was counted, or the seconds to wait when it must not be judged */
    async count({ account, from }: Claimant): Promise<string[] | number> {
      if (free === 0) return [];
      const isUser = "userId" in account;
      const name =
        "sessionId" in from ? `s${from.sessionId}` : isUser ? `u${account.userId}` : `e${hidden(account.email)}`;
      const devices = "device" in from && isUser ? devicesOf(account.userId, from) : [];
      // All who come from one network share a row: within a session nobody waits for others there.
      const network = "device" in from ? `n${hidden(from.address)}` : null;
      const turn = isUser && "sessionId" in from ? account.userId : from.address;
      const row = await gate.run(async () => only(await db.query(count, [name, network, devices, free])), turn);
      return row.counted ?? Math.ceil(row.wait_seconds);
    },
    /** What was counted was not wrong after all. */
    async takeBack(counted: string[]): Promise<void> {
      if (counted.length > 0) await db.query(takeBack, [counted]);
    },
    /** The user has logged in from here: the place is the user's own from now on. */
    async remember(userId: number, from: Place): Promise<void> {
      if (free > 0) await db.query(remember, [devicesOf(userId, from), `d${userId} `, maxDevices]);
    },
    /** Forgets what no longer counts. */
    purge: async () => void (await db.query(purge, [])),
  };
}
export type AttemptStore = ReturnType<typeof attemptStore>;
