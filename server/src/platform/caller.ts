/** Who asks, as a verified access token or ticket and the database say. */
export interface Caller {
  userId: number;
  email: string;
  role: string;
  /** The session of the token; undefined for a token of the old server. */
  sessionId?: number | undefined;
  /** When the access token ends, in ms since 1970; undefined for a ticket. */
  tokenEndsAt?: number | undefined;
}

/** Who does something that the audit log keeps: a user, or undefined: whoever has the server; and from which address. */
export interface Actor {
  userId: number | undefined;
  origin: string;
}

/**
 * Whose access token it is; undefined when it is forged, expired or malformed, or its session or account is over.
 * @param options.isConnect the database is asked in any case
 */
export type VerifyToken = (token: string, options?: { isConnect?: boolean }) => Promise<Caller | undefined>;

/**
 * Of a ticket for one socket that is good as far as it tells by itself: what uses it up, and tells whose it is if it was not used before.
 * undefined: it is forged, malformed or late.
 */
export type UseTicket = (ticket: string) => (() => Promise<Caller | undefined>) | undefined;
