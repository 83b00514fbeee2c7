/** Steps at which a test may hold a read or write up, and verification may end the process. */
export const cacheSteps = [
  /** Locks held, before the marks. */
  "write-locked",
  /** Marks answered, before the commit. */
  "write-marked",
  /** Committed, before anything is appended. */
  "write-committed",
  /** Lease granted, before the locks are probed. */
  "read-leased",
  /** Rows read, before they are filled in. */
  "read-loaded",
  /** Keys of dirty rows marked, before the rows are deleted. */
  "relay-marked",
] as const;
export type CacheStep = (typeof cacheSteps)[number];

/** Called at each step; what it returns is waited for. */
export type OnStep = (name: CacheStep) => Promise<void> | undefined;
