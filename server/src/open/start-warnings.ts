import { isIP } from "node:net";
import type { Config } from "../config.ts";

/** What an operator should know of settings that can be used and may not be meant so: a line each. */
export function startWarnings(config: Config): string[] {
  const { host, trustProxy, publicApiBaseUrl, allowedOrigins, s3Endpoint, s3Bucket, s3AccessKey, s3SecretKey } = config;
  const isOpen = !isLoopback(host);
  const isPublic = isOpen || trustProxy.length > 0 || allowedOrigins.length > 0;
  const missing = Object.entries({ S3_BUCKET: s3Bucket, S3_ACCESS_KEY: s3AccessKey, S3_SECRET_KEY: s3SecretKey })
    .filter(([, value]) => value === "")
    .map(([name]) => name);
  const warnings: [boolean, string][] = [
    [
      isOpen && trustProxy.length === 0,
      `HOST=${host} is reached from other machines without TLS: put a proxy with TLS in front, and name it in TRUST_PROXY`,
    ],
    [
      isPublic && publicApiBaseUrl === "",
      "PUBLIC_API_BASE_URL is not set: avatars and attachments get addresses that reach no further than this machine",
    ],
    [
      !isOpen && isPublic && config.registration === "",
      "REGISTRATION is not set, and this server is reached by others: everybody who finds it may register, until it is invite",
    ],
    [
      s3Endpoint !== "" && missing.length > 0,
      `S3_ENDPOINT is set without ${missing.join(", ")}: avatars and attachments are refused`,
    ],
  ];
  return warnings.flatMap(([holds, text]) => (holds ? [text] : []));
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
