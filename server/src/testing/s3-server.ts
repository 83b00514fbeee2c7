import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

interface Held {
  bytes: Buffer;
  type: string;
  at: Date;
}

/** How the server misbehaves: answers with a status, accepts and stays silent, stops in mid-body or breaks off. */
export type S3Fault = number | "silent" | "stalls" | "breaks off" | "breaks off at once";

/** Just enough of S3 for one bucket: PUT, GET, HEAD and DELETE, each signed with SigV4 and addressed by path. */
export interface S3Server extends AsyncDisposable {
  /** host:port */
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
  objects: Map<string, Held>;
  /** What is wrong with requests so far. */
  complaints: string[];
  /** Methods of the requests so far. */
  requests: string[];
  fault: S3Fault | undefined;
  /** Resolves when a client has let go of an answer before its end. */
  abandoned: Promise<void>;
}

export async function startS3(): Promise<S3Server> {
  let abandon: () => void = () => undefined;
  const abandoned = new Promise<void>((resolve) => (abandon = resolve));
  const server = createServer((request, response) => {
    response.on("close", () => response.writableFinished || abandon());
    void answer(s3, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const s3: S3Server = {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket: "om-media",
    accessKey: "test-access",
    secretKey: "test-secret",
    objects: new Map(),
    complaints: [],
    requests: [],
    fault: undefined,
    abandoned,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return s3;
}

async function answer(s3: S3Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "", url = "", headers } = request;
  s3.requests.push(method);
  s3.complaints.push(...complaintsAbout(s3, request));
  const bytes = await buffer(request).catch(() => Buffer.alloc(0));
  if (s3.fault === "silent") return;
  if (typeof s3.fault === "number") return void response.writeHead(s3.fault).end("<Error/>");
  const key = url.slice(`/${s3.bucket}/`.length);
  if (method === "PUT") {
    if (sha256(bytes) !== headers["x-amz-content-sha256"]) s3.complaints.push("the body is not what was signed");
    s3.objects.set(key, { bytes, type: headers["content-type"] ?? "", at: new Date() });
    return void response.writeHead(200, { etag: tagOf(bytes) }).end();
  }
  if (method === "DELETE") {
    s3.objects.delete(key);
    return void response.writeHead(204).end();
  }
  const held = s3.objects.get(key);
  if (held === undefined) return void response.writeHead(404).end(method === "HEAD" ? undefined : "<Error/>");
  response.writeHead(200, {
    etag: tagOf(held.bytes),
    "content-length": held.bytes.length,
    "content-type": held.type,
    "last-modified": held.at.toUTCString(),
  });
  if (method === "HEAD") return void response.end();
  const half = held.bytes.subarray(0, held.bytes.length >> 1);
  if (s3.fault === "stalls") return void response.write(half);
  if (s3.fault === "breaks off at once") {
    response.flushHeaders();
    return void setImmediate(() => response.destroy());
  }
  if (s3.fault === "breaks off") return void response.write(half, () => response.destroy());
  response.end(held.bytes);
}

function complaintsAbout(s3: S3Server, request: IncomingMessage): string[] {
  const { method, url = "", headers } = request;
  return [
    ...(isSigned(s3, request) ? [] : [`${method}: signature ${headers.authorization}`]),
    ...(url.startsWith(`/${s3.bucket}/`) ? [] : [`${method}: address ${url}`]),
    ...(headers.host === s3.endpoint ? [] : [`${method}: host ${headers.host}`]),
    ...(method === "PUT" && headers["content-length"] === undefined ? ["PUT: S3 asks for a length"] : []),
  ];
}

/** Computes the SigV4 signature from what has arrived, as S3 does. */
function isSigned(s3: S3Server, { method = "", url = "", headers }: IncomingMessage): boolean {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/((\d{8})\/([^/]+)\/s3\/aws4_request), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, id, scope, day = "", region = "", names = "", given] = form.exec(headers.authorization ?? "") ?? [];
  const lines = names.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const canonical = [method, url, "", lines.join(""), names, headers["x-amz-content-sha256"]].join("\n");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${s3.secretKey}`);
  return id === s3.accessKey && names.split(";").includes("host") && hmac(key, text).toString("hex") === given;
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function tagOf(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
