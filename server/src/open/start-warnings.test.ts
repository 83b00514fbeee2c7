import { expect, test } from "vitest";
import { parseConfig } from "../config.ts";
import { startWarnings } from "./start-warnings.ts";

const api = { PUBLIC_API_BASE_URL: "https://chat.example.org/api" };

test.each([
  [{}, []],
  [{ HOST: "127.0.0.2" }, []],
  [{ HOST: "0.0.0.0" }, [/^HOST=0\.0\.0\.0 .* without TLS/, /^PUBLIC_API_BASE_URL is not set/]],
  [{ HOST: "::", ...api }, [/^HOST=:: .* without TLS/]],
  [{ HOST: "0.0.0.0", TRUST_PROXY: "10.0.0.0/8", ...api }, []],
  [{ TRUST_PROXY: "127.0.0.1" }, [/^PUBLIC_API_BASE_URL is not set/, /^REGISTRATION is not set/]],
  [{ TRUST_PROXY: "127.0.0.1", REGISTRATION: "open", ...api }, []],
  [{ S3_ENDPOINT: "minio:9000", S3_BUCKET: "om" }, [/^S3_ENDPOINT is set without S3_ACCESS_KEY, S3_SECRET_KEY/]],
] as [Record<string, string>, RegExp[]][])("D6 of %j the start warns as it should", (env, wanted) => {
  expect(startWarnings(parseConfig(env))).toEqual(wanted.map((text) => expect.stringMatching(text) as unknown));
});
