import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createUserViews } from "../accounts/user-view.ts";
import { composeMedia, type Media } from "../compose-media.ts";
import { parseConfig } from "../config.ts";
import { openCache } from "../cache/cache.ts";
import { composeGroups } from "../compose-groups.ts";
import type { SetIcon } from "../media/avatars.ts";
import type { Database } from "../platform/postgres/database.ts";
import { withoutRedis } from "./databases.ts";
import { openHttp, type Answer, type TestHttp } from "./http-server.ts";
import { multipart, multipartType, type Part } from "./multipart.ts";
import { startS3, type S3Server } from "./s3-server.ts";

/** What stored URLs begin with. */
export const mediaBase = "https://chat.example.org/api";

/** Media over HTTP on a database and a storage; the bearer token `<id>` stands for that user. */
export interface TestMedia extends TestHttp {
  clock: { now: number };
  media: Media;
  /** Only with S3. */
  s3: S3Server | undefined;
  /** Keys of all objects. */
  keys(): string[];
  /** Files of uploads that are under way or were left. */
  incoming: string;
  /** Errors of deletions that were let go. */
  leftovers: unknown[];
  upload(userId: number, path: string, ...parts: Part[]): Promise<Answer>;
  get(userId: number, path: string, headers?: Record<string, string>): Promise<Answer>;
}

export interface TestMediaOptions {
  storage?: "disk" | "S3";
  env?: Record<string, string>;
  setIcon?: SetIcon;
}

export async function openMedia(db: Database, options: TestMediaOptions = {}): Promise<TestMedia> {
  const folder = mkdtempSync(join(tmpdir(), "om-media-"));
  const s3 = options.storage === "S3" ? await startS3() : undefined;
  const clock = { now: Date.now() };
  const now = (): number => clock.now;
  const env = {
    AVATAR_LIMIT: "0",
    ATTACHMENT_LIMIT: "0",
    DATA_DIR: folder,
    PUBLIC_API_BASE_URL: mediaBase,
    ...(s3 && {
      S3_ENDPOINT: s3.endpoint,
      S3_BUCKET: s3.bucket,
      S3_ACCESS_KEY: s3.accessKey,
      S3_SECRET_KEY: s3.secretKey,
    }),
    ...options.env,
  };
  const config = parseConfig(env);
  const leftovers: unknown[] = [];
  const views = createUserViews({ exposeEmails: false, lookup: async () => () => false });
  const { writes } = await openCache({ db, ...withoutRedis });
  const media = composeMedia({
    config,
    db,
    writes,
    views,
    base: () => config.publicApiBaseUrl,
    setIcon: options.setIcon ?? composeGroups({ config, db, writes, views, announce: () => undefined }).setIcon,
    telemetry: { failure: (_where, error) => void leftovers.push(error) },
    now,
  });
  const http = await openHttp({ env, handlers: media.routes, now, verify: async (token) => callerOf(token) });
  const as = (userId: number): Record<string, string> => ({ authorization: `Bearer ${userId}` });
  return {
    ...http,
    clock,
    media,
    s3,
    leftovers,
    incoming: join(folder, "media/incoming"),
    keys: () => (s3 === undefined ? filesBelow(join(folder, "media")) : [...s3.objects.keys()]).toSorted(),
    upload: (userId, path, ...parts) =>
      http.call("POST", path, { headers: { ...as(userId), ...multipartType }, body: multipart(...parts) }),
    get: (userId, path, headers) => http.call("GET", path, { headers: { ...as(userId), ...headers } }),
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await s3?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

function callerOf(token: string) {
  return /^\d+$/.test(token) ? { userId: Number(token), email: "", role: "user" } : undefined;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
