import { createHmac, hkdfSync } from "node:crypto";
import { OmError } from "../platform/om-error.ts";
import type { Clock } from "../platform/clock.ts";
import { tokenHash } from "./secret-token.ts";
import type { SessionStore } from "./session-store.ts";

/** For how long a refresh token is good after it was replaced, in ms. */
const grace = 60_000;
/** How many rotations a late request may be behind. */
const maxBehind = 20;

/** Replaces a refresh token by the next one. @throws OmError `invalid_refresh` */
type Rotate = (token: string) => Promise<{ userId: number; sessionId: number; next: string }>;

interface Deps {
  sessions: SessionStore;
  /** The session of a stolen or copied token was ended. */
  onReuse: (userId: number, sessionId: number) => void;
  secret: string;
  /** A second key: of tokens that were replaced under it; "": none. */
  previousSecret: string;
  now: Clock;
}

/**
 * The successor of a refresh token is computed from it, so refreshers that use one token side by side, or again because the answer
 * was lost, all get the same successor: the one that is current by then, or a late answer would overwrite it in the client's
 * storage. After the grace a replaced token can only come from a thief or a copy: its session ends.
 */
export function createRotation(deps: Deps): Rotate {
  const successorBy = (secret: string) => {
    const key = Buffer.from(hkdfSync("sha256", secret, "", "om refresh token successor", 32));
    return (token: string): string => createHmac("sha256", key).update(token).digest("base64url");
  };
  const successor = successorBy(deps.secret);
  const successors = [successor, ...(deps.previousSecret === "" ? [] : [successorBy(deps.previousSecret)])];

  async function currentAfter(token: string, now: number): Promise<string> {
    let behind = successors.map((next) => next(token));
    for (let step = 0; step < maxBehind; step += 1) {
      const rows = await Promise.all(behind.map((one) => deps.sessions.find(tokenHash(one), now)));
      const at = rows.findIndex((row) => row?.live === true);
      const current = behind[at];
      if (current === undefined) break;
      if (rows[at]?.replaced_ms === null) return current;
      behind = successors.map((next) => next(current));
    }
    throw new OmError("invalid_refresh");
  }

  return async (token) => {
    const now = deps.now();
    const next = successor(token);
    const rotated = await deps.sessions.rotate(tokenHash(token), tokenHash(next), now);
    if (rotated !== undefined) return { userId: rotated.user_id, sessionId: rotated.session_id, next };
    const former = await deps.sessions.find(tokenHash(token), now);
    if (former === undefined || !former.live || former.replaced_ms === null) throw new OmError("invalid_refresh");
    if (now - former.replaced_ms > grace) {
      const first = await deps.sessions.endOne(former.session_id, former.user_id);
      if (first) deps.onReuse(former.user_id, former.session_id);
      throw Object.assign(new OmError("invalid_refresh"), { userId: former.user_id });
    }
    return { userId: former.user_id, sessionId: former.session_id, next: await currentAfter(token, now) };
  };
}
