/** How long things may take, in ms. */
export interface CacheTiming {
  /** When a read has waited so long for a first answer of Redis, the database is asked as well. */
  hedgeMs: number;
  /** Between two looks at what the nodes agree on. */
  pollMs: number;
  /** The same for a node without Redis. */
  idleMs: number;
  /** How old the last look may be; beyond it Redis is not read. The bound of every staleness. */
  freshMs: number;
}

export const defaultTiming: CacheTiming = { hedgeMs: 4, pollMs: 200, idleMs: 5_000, freshMs: 1_000 };
