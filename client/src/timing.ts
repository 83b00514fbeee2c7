/** All in ms. */
export interface Timing {
  /** Bounds of the pause before another attempt: anywhere between 0 and a bound that doubles from the first to the last. */
  firstDelay: number;
  maxDelay: number;
  /** How long a line must have been up for the pauses to begin anew. */
  stable: number;
  openTimeout: number;
  pingEvery: number;
  pongTimeout: number;
  /** A message that was not answered for so long is sent again. */
  resendEvery: number;
  /** How long a change may wait for the one before it. */
  reorder: number;
  /** How long a delivered receipt waits for a newer one to replace it. */
  receipt: number;
  /** The cursor is moved on so often, which also brings a change whose push was lost. */
  rereadEvery: number;
  /** Least pause between two readings on one line. */
  rereadPause: number;
  /** How long the state may lag behind what was emitted. */
  save: number;
}

export const defaultTiming: Timing = {
  firstDelay: 500,
  maxDelay: 30_000,
  stable: 5_000,
  openTimeout: 10_000,
  pingEvery: 25_000,
  pongTimeout: 10_000,
  resendEvery: 5_000,
  reorder: 50,
  receipt: 100,
  rereadEvery: 300_000,
  rereadPause: 1_000,
  save: 100,
};
