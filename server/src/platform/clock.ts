/** Milliseconds since some moment; comes in through app.ts so that tests can hold time still. */
export type Clock = () => number;

/** Since 1970 UTC, as this machine believes. It may step at any moment: for times that are shown or stored, never for a duration. */
export const wallClock: Clock = () => Date.now();

/** Since the process began. It never steps: for every duration, deadline and limit. */
export const monotonic: Clock = () => performance.now();
