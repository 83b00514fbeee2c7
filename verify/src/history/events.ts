/** Milliseconds since the run began, by the clock that all processes of a host share. */
export type Ms = number;

/** What a kind of read shows of one object. One object for all reads of that kind, so that histories stay small. */
export interface Viewpoint {
  /** The object of PostgreSQL that is shown, such as `conv:1:2`. */
  readonly object: string;
  /** How, such as `history/1/20`: viewer and page; "" when nothing but the version is compared. */
  readonly view: string;
  /** The keys of the cache that may have answered; the first one is that of the answer as a whole. */
  readonly keys: readonly string[];
  /** The version may be a later one at which this view was still the same. */
  readonly lags?: true;
}

/** One object as one answer of the public API showed it. */
export interface ReadEvent {
  readonly session: number;
  readonly node: number;
  readonly of: Viewpoint;
  /** The request left, and its answer was there. */
  readonly t0: Ms;
  readonly t1: Ms;
  /** As the answer says; undefined where it says none. */
  readonly ver: number | undefined;
  /** Number of the shown text, see `InternedTexts`; undefined when only the version counts. */
  readonly text: number | undefined;
}

/**
 * How the transaction behind an acknowledged write is found in PostgreSQL's own account: by the version that the answer showed, or by
 * what it did, such as `deleted 17`, between request and answer.
 */
export type Proof = { readonly object: string; readonly ver: number } | { readonly effect: string };

/** A write that was acknowledged; `t1` is the acknowledgement. */
export interface WriteEvent {
  readonly session: number;
  readonly t0: Ms;
  readonly t1: Ms;
  readonly proof: Proof;
}

/** A push that showed a version: by then that version was committed. */
export interface Seen {
  readonly object: string;
  readonly ver: number;
  readonly at: Ms;
}

/** Somebody who comes and goes, as one answer showed them. */
export interface PresenceRead {
  readonly node: number;
  readonly userId: number;
  /** Which answer, always asked for in the same words, so that it may be one that was given before; undefined: it was made anew. */
  readonly by: string | undefined;
  readonly t0: Ms;
  readonly t1: Ms;
  readonly shown: "online" | "offline" | "unknown";
}

/** A stretch of the run: a quiet one, or a fault by its name. */
export interface Phase {
  readonly name: string;
  readonly from: Ms;
  readonly to: Ms;
  /** Two servers called themselves the one Redis, and nodes were attached to either. */
  readonly split: boolean;
}

/** Everything that a run recorded of what it did and received. */
export interface History {
  readonly reads: readonly ReadEvent[];
  readonly writes: readonly WriteEvent[];
  readonly seen: readonly Seen[];
  readonly presences: readonly PresenceRead[];
  readonly phases: readonly Phase[];
}
