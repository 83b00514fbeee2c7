/** What a command or a script may be given; a number is sent as its decimal text. */
export type Arg = string | number | Buffer;

/** Texts and values come as bytes, integers as numbers, what is absent as null. */
export type Reply = Buffer | number | null | Reply[];

/** A Lua script, kept by the server under the digest of its source. */
export interface Script {
  readonly name: string;
  readonly source: string;
}

/**
 * Why a call failed: no answer in time, an answer that is an error, the breaker is open, there is no usable connection (or it was
 * lost with the call under way), or too many calls are under way.
 */
export type FailureReason = "timeout" | "error" | "open" | "disconnected" | "overload";

const texts: Record<FailureReason, string> = {
  timeout: "Redis did not answer in time",
  error: "Redis answered with an error",
  open: "Redis is not asked: it failed too often",
  disconnected: "Redis is not connected",
  overload: "too many calls to Redis are under way",
};

/** Redis could not be asked or did not answer in time; the reason is for metrics. What it was asked may have been done all the same. */
export class RedisUnavailable extends Error {
  readonly reason: FailureReason;

  /** @param text of an error reply, as Redis gave it but without arguments */
  constructor(reason: FailureReason, text: string = texts[reason]) {
    super(text);
    this.reason = reason;
  }
}

/** `half open`: recovery pings are answered again, but not often enough yet. */
export type BreakerState = "closed" | "half open" | "open";

/** One for all: making an error costs more than all the rest of a call that is refused. */
const [disconnected, open] = [new RedisUnavailable("disconnected"), new RedisUnavailable("open")];
/** Why a call is not even sent while Redis is not usable. */
export const unavailable = (breaker: BreakerState): RedisUnavailable => (breaker === "closed" ? disconnected : open);

/** The way to send commands over one connection. */
export interface Commands {
  /**
   * Sends one command, its name in capitals; commands of one tick leave in one write. A call costs no waiting at all while the
   * breaker is open or there is no connection.
   * @throws RedisUnavailable after `timeoutMs` and at most a tick of 5 ms; an error reply (WRONGTYPE, OOM, READONLY…) has the
   * reason "error" and the reply's text as `message`
   */
  call(timeoutMs: number, command: string, ...args: Arg[]): Promise<Reply>;
  /** Runs a script by its digest. One that Redis has forgotten is loaded again in the background, and the call fails. */
  script(timeoutMs: number, script: Script, keys: readonly string[], args: readonly Arg[]): Promise<Reply>;
}

/** Decides about a connection before anybody may use it; it may use it itself. Anything but true refuses it. */
export type ReadyCheck = (identity: string, commands: Commands) => Promise<boolean>;

/** A Redis or Valkey behind deadlines, a breaker and connections that come back by themselves. */
export interface Redis extends Commands, AsyncDisposable {
  /** Connected, handshake done (scripts loaded, identity known, checks passed) and the breaker closed. */
  readonly usable: boolean;
  /** Keys lie on several servers: a command or a script may name only one. */
  readonly isSharded: boolean;
  /**
   * Names the data that are there: another one after a restart, a failover, or after the server was a replica of another one. Undefined
   * while there is no usable connection.
   */
  readonly identity: string | undefined;
  readonly breaker: BreakerState;
  /** Runs after every successful handshake, before `usable` becomes true; to be registered before `start`. */
  onReady(check: ReadyCheck): void;
  /** Tells when `usable` has changed. */
  onUsable(listener: (usable: boolean) => void): void;
  /** Begins to connect, and never gives up until it is disposed. */
  start(): void;
}
