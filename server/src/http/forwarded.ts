import type { IncomingMessage } from "node:http";

/**
 * Makes X-Forwarded-For a list of plain addresses, in whatever form proxies write it: with ports, brackets, quotes or zones, or as Forwarded,
 * which counts when there is no other. So everything that asks for the client's address understands it.
 */
export function plainForwarded({ headers }: IncomingMessage): void {
  const { "x-forwarded-for": list, forwarded } = headers;
  if (list === undefined && forwarded === undefined) return;
  const given = list === undefined ? namedIn(forwarded ?? "") : String(list).split(",");
  if (given.length > 0) headers["x-forwarded-for"] = given.map(plainAddress).join(", ");
}

/** What Forwarded (RFC 7239) says of clients, the first first. */
function namedIn(forwarded: string): string[] {
  const all = forwarded.matchAll(/(?:^|[;,])\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*)/gi);
  return [...all].map(([, name = ""]) => name);
}

function plainAddress(text: string): string {
  const bare = text
    .trim()
    .replaceAll(/^"|"$|\\/g, "")
    .trim();
  const [, bracketed] = /^\[([^\]]*)\](?::\w*)?$/.exec(bare) ?? [];
  const [, dotted] = /^(\d+\.\d+\.\d+\.\d+):\w*$/.exec(bare) ?? [];
  return (bracketed ?? dotted ?? bare).replace(/%.*$/, "");
}
