/** Kinds of cached objects, as metrics name them. */
export type KindName = "conv" | "group" | "member" | "convlist" | "unread" | "profile" | "about";

/** What the database has of an object, from one snapshot. */
export interface Loaded<T> {
  /** 0 for what is not there, which is kept too: the lock is on the name, so nobody can make it unnoticed. */
  ver: number;
  value: T;
}

/** A kind of cached object: where it lies, how it is read and what its records are. */
export interface Source<Id, T> {
  readonly name: KindName;
  readonly ttlMs: number;
  /** Longest entry that is kept, with its header. */
  readonly maxBytes: number;
  /** An entry to which more than this was appended is made short again. */
  readonly maxRecords: number;
  key(id: Id): string;
  /** Name of the lock that every writer of the object holds until its commit. */
  lock(id: Id): string;
  /** Reads them in one statement, in the order of the ids. `fromPrimary`: not from a replica, as for entries, whose locks it does not know. */
  load(ids: readonly Id[], fromPrimary: boolean): Promise<Loaded<T>[]>;
  /** undefined: it is not kept. */
  records(value: T): readonly unknown[] | undefined;
  /** The value that these records make; undefined when they do not make one: it is read anew. */
  fold(records: readonly unknown[], ver: number): T | undefined;
}

export type Origin = "cache" | "database";

/** Hears of every history and list that was read: where it came from, and after how many ms. */
export type OnQueried = (from: Origin, ms: number) => void;

/** A value with its version and where it came from. */
export interface Found<T> extends Loaded<T> {
  from: Origin;
}
