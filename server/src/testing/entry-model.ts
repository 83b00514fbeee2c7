import { decode } from "@msgpack/msgpack";

/** An entry of the cache as the protocol thinks of it; see cache/entry.ts for its bytes. */
export interface ModelEntry {
  is: "entry";
  /** Records that the header counts. */
  count: number;
  ver: number;
  pend: number;
  /** Who holds the lease, as hexadecimal digits. */
  token: string;
  /** End of a lease, or of the clean entry, in ms; "ahead": some moment that is still to come by the clock of Redis. */
  until: number | "ahead";
  epoch: number;
  hasBody: boolean;
  body: Buffer;
  /** What it was given at last, in ms. */
  ttl: number;
}
/** Something else under the key: bytes that are no entry, or the type of what is no text. */
interface Foreign {
  is: "foreign";
  what: string | Buffer;
}
export type Content = ModelEntry | Foreign | undefined;

export const headerLength = 48;
export const nobody = "0000000000000000";

/** Of the model's leases, in ms. */
export const leaseMs = 100_000;
/** Most bytes of a value in the model. */
export const longest = 300;
/** Most records of a value that need not be made short. */
export const most = 5;

/** What the scripts do, in plain words of another language: the reply, and what is there afterwards. */
export const entryRules = {
  mark(content: Content, { epoch, ver }: { epoch: number; ver: number }): Content {
    if (content?.is !== "entry" || content.epoch !== epoch) return undefined;
    return { ...content, pend: Math.max(content.pend, ver), token: nobody };
  },

  lease(
    content: Content,
    ask: { epoch: number; token: string; least: number; refill: boolean },
  ): [reply: number | "value", next: Content] {
    const { epoch, token } = ask;
    const isUsable = content?.is === "entry" && content.epoch === epoch && lengthOf(content) <= longest;
    if (!isUsable) {
      const empty = { count: 0, ver: 0, pend: 0, hasBody: false, body: Buffer.alloc(0) };
      return [1, { is: "entry", ...empty, token, until: "ahead", epoch, ttl: 2 * leaseMs }];
    }
    const isClean = content.hasBody && content.ver === content.pend;
    if (isClean && content.ver >= ask.least && !ask.refill) return ["value", content];
    if (content.token !== nobody && content.until === "ahead") return [0, content];
    return [1, { ...content, token, until: "ahead" }];
  },

  fill(content: Content, ask: { epoch: number; token: string; made: ModelEntry }): [number, Content] {
    const holds = content?.is === "entry" && content.epoch === ask.epoch && content.token === ask.token;
    return holds ? [1, ask.made] : [0, content];
  },

  /** `more`: what is appended, and what holds for the entry from then on. */
  post(
    content: Content,
    {
      epoch,
      prev,
      more,
    }: { epoch: number; prev: number; more: Pick<ModelEntry, "ver" | "count" | "body" | "ttl" | "until"> },
  ): [number, Content] {
    if (content?.is !== "entry" || !content.hasBody || content.epoch !== epoch) return [0, content];
    if (content.ver >= more.ver) return [1, content];
    if (content.ver !== prev) return [-1, content];
    const pend = Math.max(content.pend, more.ver);
    const clean = pend === more.ver ? { token: nobody, until: more.until } : {};
    const body = Buffer.concat([content.body, more.body]);
    const next = { ...content, count: content.count + more.count, ver: more.ver, pend, body, ttl: more.ttl, ...clean };
    return [lengthOf(next) > longest / 2 || next.count > most ? 2 : 3, next];
  },

  compact(content: Content, ask: { epoch: number; ver: number; made: ModelEntry }): [number, Content] {
    if (content?.is !== "entry" || content.epoch !== ask.epoch || !content.hasBody) return [0, content];
    return content.ver === ask.ver && content.pend === ask.ver ? [1, ask.made] : [0, content];
  },
};

function lengthOf({ body }: Pick<ModelEntry, "body">): number {
  return headerLength + body.length;
}

/** What bytes say, read without any code of the cache. @param now of Redis, in ms */
export function contentOf(bytes: Buffer, { ttl, now }: { ttl: number; now: number }): Content {
  const head = Uint8Array.from(bytes.subarray(0, headerLength));
  const foreign: Content = { is: "foreign", what: bytes };
  if (head.length < headerLength || head[0] !== 0xdd) return foreign;
  const count = bytes.readUInt32BE(1) - 6;
  head.set([0, 0, 0, 6], 1);
  try {
    const fields = decode(head) as [number, number, Uint8Array, number, number, boolean];
    const [ver, pend, by, end, epoch, hasBody] = fields;
    const token = Buffer.from(by).toString("hex");
    const until = end > now ? "ahead" : end;
    return { is: "entry", count, ver, pend, token, until, epoch, hasBody, body: bytes.subarray(headerLength), ttl };
  } catch {
    return foreign;
  }
}
