/** Raised with every change of the wire; a test holds it against a hash of all routes, frames, errors and close codes. */
export const protocolVersion = 10;
