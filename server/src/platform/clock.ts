/** Milliseconds since 1970 UTC; comes in through app.ts so that tests can hold time still. */
export type Clock = () => number;
