/** What no answer and no line of the log may hold. */
const leaks: readonly (readonly [string, RegExp])[] = [
  ["a stack trace", /(?:\n|\\n)\s+at [^\n]{1,200}:\d+:\d+\)?/],
  ["a path of ours", /node_modules|\/(?:server|protocol|postgres)\/(?:src|dist|sql)\/|\/tmp\/om-|\.ts:\d+/],
  ["a password's hash", /\$(?:2[aby]|argon2\w*|scrypt)\$/],
  ["an address with its password", /(?:postgres(?:ql)?|rediss?):\/\/[^\s"']+/],
];

/** @returns what the text gives away, in words; undefined when it is nothing */
export function leakIn(text: string, secrets: Iterable<string>): string | undefined {
  for (const [what, pattern] of leaks) {
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) return `${what}: ${found.trim().slice(0, 200)}`;
  }
  for (const secret of secrets) if (text.includes(secret)) return `the secret ${secret.slice(0, 12)}…`;
  return undefined;
}

/**
 * Old clients are refused with 500 where the first server did so: a malformed conversation in a sync, no app version, a group's name that
 * is too long. A HEAD is answered so without the words. A server that fails logs an error as well, which `errorIn` finds.
 */
const refusals =
  /"code":"(?:sync_failed|update_check_failed)"|"Failed to create group"|content-length: [1-9](?:(?!\r\n\r\n)[^])*\r\n\r\n$/;

/** @returns what is wrong with a status, given the whole answer; undefined: nothing */
export function wrongStatus(status: number, answer: string): string | undefined {
  const isRight = status < 500 || status === 503 || (status === 500 && refusals.test(answer));
  return isRight ? undefined : `answered with ${status}`;
}

/** @returns what the server itself calls an error in a line of its log; undefined: nothing */
export function errorIn(line: string): string | undefined {
  return /"level":\s*(?:"(?:error|fatal)"|[56]0)/.test(line) ? `logged as an error: ${line.slice(0, 400)}` : undefined;
}
