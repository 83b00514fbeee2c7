import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import type { ByteRange } from "../platform/file-response.ts";
import { OmError } from "../platform/om-error.ts";
import { checkedKey, type MediaStorage } from "./media-storage.ts";

export interface S3Settings {
  /** host:port */
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
  region: string;
  useSsl: boolean;
}

/** How long a call may take, in ms; of a download: until its headers, and then between two pieces. */
export const s3Deadlines = { call: 10_000, upload: 60_000 };

/** Objects in a bucket of an S3-compatible storage, addressed as `<endpoint>/<bucket>/<key>` and signed with SigV4. */
export function s3Storage(settings: S3Settings, deadlines = s3Deadlines): MediaStorage {
  const send = createSender(settings);

  async function open(key: string, range?: ByteRange): Promise<Readable> {
    const cut = new AbortController();
    const timer = setTimeout(() => cut.abort(), deadlines.call);
    try {
      const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` };
      const { status, body } = await send("GET", key, { headers, signal: cut.signal });
      if (status === 404) throw new OmError("not_found");
      if (status !== (range === undefined ? 200 : 206) || body === null)
        throw new Error(`S3 answered ${status} to GET`);
      return Readable.from(pieces(body, cut, deadlines.call), { objectMode: false });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async put(key, { path, type }) {
      const { size } = await stat(path);
      const headers = {
        "content-type": type,
        "content-length": String(size),
        "x-amz-content-sha256": await sha256(path),
      };
      const body = createReadStream(path);
      try {
        const signal = AbortSignal.timeout(deadlines.upload);
        await expectDone(await send("PUT", key, { headers, body, signal }), "PUT");
      } finally {
        body.destroy();
      }
    },
    async get(key) {
      const answer = await send("HEAD", key, { signal: AbortSignal.timeout(deadlines.call) });
      await answer.body?.cancel();
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw new Error(`S3 answered ${answer.status} to HEAD`);
      return {
        size: Number(answer.headers.get("content-length")),
        etag: answer.headers.get("etag") ?? `"${key}"`,
        lastModified: new Date(answer.headers.get("last-modified") ?? 0),
        open: (range) => open(key, range),
      };
    },
    async delete(key) {
      const answer = await send("DELETE", key, { signal: AbortSignal.timeout(deadlines.call) });
      if (answer.status !== 404) await expectDone(answer, "DELETE");
    },
  };
}

type Send = (
  method: string,
  key: string,
  more: { headers?: Record<string, string>; body?: Readable; signal: AbortSignal },
) => Promise<Response>;

function createSender(settings: S3Settings): Send {
  const base = `${settings.useSsl ? "https" : "http"}://${settings.endpoint}/${encodeURIComponent(settings.bucket)}/`;
  return async (method, key, { headers = {}, body, signal }) => {
    const signed = await new AwsV4Signer({
      method,
      url: base + checkedKey(key),
      headers: { "x-amz-content-sha256": emptySha256, ...headers },
      accessKeyId: settings.accessKey,
      secretAccessKey: settings.secretKey,
      service: "s3",
      region: settings.region,
    }).sign();
    // Unsigned, because proxies change it.
    signed.headers.set("accept-encoding", "identity");
    const upload = body === undefined ? {} : { body: Readable.toWeb(body) as ReadableStream, duplex: "half" as const };
    return fetch(signed.url, { method, headers: signed.headers, redirect: "manual", signal, ...upload });
  };
}

/** The body piece by piece; only the storage is held to the deadline, not the reader. */
async function* pieces(body: ReadableStream<Uint8Array>, cut: AbortController, ms: number): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const late = new AbortController();
      const deadline = delay(ms, undefined, { signal: late.signal }).then(() => {
        throw new Error("S3 stopped sending");
      });
      deadline.catch(() => undefined);
      const { done, value } = await Promise.race([reader.read(), deadline]).finally(() => late.abort());
      if (done) return;
      yield value;
    }
  } finally {
    cut.abort();
  }
}

async function expectDone(answer: Response, method: string): Promise<void> {
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`S3 answered ${answer.status} to ${method}`);
}

const emptySha256 = createHash("sha256").digest("hex");

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
