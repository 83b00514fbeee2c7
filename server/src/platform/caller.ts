/** Who asks, as the verified access token says. */
export interface Caller {
  userId: number;
  email: string;
  role: string;
  /** The session of the token; undefined for a token of the old server. */
  sessionId?: number | undefined;
}

/** Reads an access token; undefined when it is forged, expired or malformed. */
export type VerifyToken = (token: string) => Promise<Caller | undefined>;
