import { parseArgs } from "node:util";
import { cleanText } from "../platform/cut-text.ts";
import { wholeNumber } from "../platform/page-limit.ts";

/** Where an app may run. */
const platforms = ["android", "ios", "web"] as const;
type Platform = (typeof platforms)[number];

export function parsePlatform(text: string): Platform | undefined {
  return platforms.find((known) => known === text);
}

/** Of a caller that names none. */
export const defaultPlatform: Platform = "android";

/** A version as its publisher describes it. */
export interface Release {
  platform: Platform;
  version: string;
  build: number;
  url: string;
  changelog: string;
  force: boolean;
  /** The oldest build that may still be used; 0: any. */
  minBuild: number;
}

/** What was asked for cannot be done; the message is one line for the operator. */
export class ReleaseError extends Error {}

export const usage = `npm run publish-version -- --platform ${platforms.join("|")} --version 1.2.0 --build 12 --url https://...
    [--changelog TEXT]   what is new
    [--force]            older builds must update
    [--min-build N]      builds below N must update, default 0
npm run publish-version -- --list
The database is the server's: the same settings count, from the environment or .env.`;

const options = {
  platform: { type: "string", default: "" },
  version: { type: "string", default: "" },
  build: { type: "string", default: "" },
  url: { type: "string", default: "" },
  changelog: { type: "string", default: "" },
  force: { type: "boolean", default: false },
  "min-build": { type: "string", default: "0" },
  list: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Bounds of what every app start downloads. */
const maxUrlBytes = 2_000;
const maxChangelogBytes = 20_000;

/** @throws ReleaseError */
export function parseArguments(args: string[]): Release | "list" | "help" {
  const values = parse(args);
  if (values.help || args.length === 0) return "help";
  return values.list ? "list" : parseRelease(values);
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: false, strict: true }).values;
  } catch (error) {
    // Its advice on positional arguments is of no use here.
    throw new ReleaseError(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}

function parseRelease(values: ReturnType<typeof parse>): Release {
  const platform = parsePlatform(values.platform);
  if (platform === undefined) throw new ReleaseError(`--platform must be one of ${platforms.join(", ")}`);
  const { version } = values;
  if (!/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,19}$/.test(version)) {
    throw new ReleaseError("--version must be like 1.2.0: 1 to 20 letters, digits and . + _ -");
  }
  const build = wholeNumber(values.build) ?? 0;
  if (build === 0) throw new ReleaseError("--build must be a whole number above 0");
  const minBuild = wholeNumber(values["min-build"]);
  if (minBuild === undefined || minBuild > build) {
    throw new ReleaseError("--min-build must be a whole number not above --build, or nobody could use the app");
  }
  if (!isWebAddress(values.url))
    throw new ReleaseError(`--url must be an http or https address of at most ${maxUrlBytes} bytes`);
  const changelog = cleanText(values.changelog);
  if (Buffer.byteLength(changelog) > maxChangelogBytes) {
    throw new ReleaseError(`--changelog must not be longer than ${maxChangelogBytes} bytes`);
  }
  return { platform, version, build, url: values.url, changelog, force: values.force, minBuild };
}

function isWebAddress(text: string): boolean {
  return /^https?:\/\/[\w[][\x21-\x7e]*$/i.test(text) && Buffer.byteLength(text) <= maxUrlBytes && URL.canParse(text);
}
