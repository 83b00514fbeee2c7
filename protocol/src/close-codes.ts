/**
 * Why the server closes a WebSocket. The range tells a client what to do without knowing the code: below 4500 reconnect with
 * back-off, from 4500 on do not. The server never sends 1000: existing clients would not come back.
 */
export const closeCodes = {
  /** The server is stopping or restarting. */
  restart: { code: 1012, reason: "server restarts, please reconnect", reconnect: true },
  /** Nothing arrived from the client for the read deadline. */
  silent: { code: 4001, reason: "nothing heard from you", reconnect: true },
  /** The client did not read fast enough and its send queue was full. */
  slow: { code: 4002, reason: "you read too slowly", reconnect: true },
  /** This user has too many sockets; the oldest one goes. */
  tooMany: { code: 4003, reason: "too many connections", reconnect: true },
  /** The server failed while serving this socket. */
  failed: { code: 4004, reason: "internal error", reconnect: true },
  /** The access token in the address has ended, and its session was not renewed meanwhile. */
  expired: { code: 4005, reason: "your access token has ended, please come back with a fresh one", reconnect: true },
  /** The session was ended: log in again. */
  ended: { code: 4500, reason: "this session was ended", reconnect: false },
} as const satisfies Record<string, { code: number; reason: string; reconnect: boolean }>;

/** Whether a client should reconnect after a close with this code. */
export function mayReconnect(code: number): boolean {
  return code < 4500;
}
