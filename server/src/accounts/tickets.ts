import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../platform/clock.ts";

/** How long a ticket is good, in seconds. */
export const ticketTtlSeconds = 30;

/** A ticket that is good as far as it tells by itself; by `hash` the database knows whether it was used before. */
export interface ReadTicket {
  sessionId: number;
  hash: string;
}

/**
 * Tickets that open one socket of a session. They are signed, so neither making one nor refusing a forged, foreign or late one asks the
 * database; that a good one is used for the first time only the database can tell, because a Redis may forget.
 * @param previous a second key whose tickets are taken too; "": none
 */
export function createTickets(secret: string, previous: string, now: Clock) {
  const signBy = (key: string) => {
    const derived = Buffer.from(hkdfSync("sha256", key, "", "om socket tickets", 32));
    return (text: string): Buffer => createHmac("sha256", derived).update(text).digest();
  };
  const sign = signBy(secret);
  const signs = [sign, ...(previous === "" ? [] : [signBy(previous)])];
  return {
    issue(sessionId: number): string {
      const endsAt = Math.floor(now() / 1000) + ticketTtlSeconds;
      const text = [sessionId, endsAt, randomBytes(12).toString("base64url")].join(".");
      return `${text}.${sign(text).toString("base64url")}`;
    },
    /** undefined when it is forged, malformed or late. */
    read(ticket: string): ReadTicket | undefined {
      const [, text = "", session, end, signature = ""] =
        /^(([1-9]\d{0,15})\.(\d{1,12})\.[\w-]{16})\.([\w-]{43})$/.exec(ticket) ?? [];
      const given = Buffer.from(signature, "base64url");
      const isSigned = given.length === 32 && signs.some((by) => timingSafeEqual(by(text), given));
      if (!isSigned || Number(end) * 1000 <= now()) return undefined;
      // Of the text: the last letter of a signature may be written in several ways.
      return { sessionId: Number(session), hash: createHash("sha256").update(text).digest("hex") };
    },
  };
}
export type Tickets = ReturnType<typeof createTickets>;
