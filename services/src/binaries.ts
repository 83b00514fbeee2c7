import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian packages by the program that a test needs of them. */
const packages = { postgres: "postgresql" } as const;
export type Program = keyof typeof packages;

/** Folder that holds `program` and its companions (initdb lies beside postgres): PATH first, then where Debian puts it. */
export function findBinaryFolder(program: Program): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((v) => join(debian, v, "bin")), ...(process.env["PATH"] ?? "").split(delimiter)];
  return folders.find((folder) => isExecutable(join(folder, program)) && isExecutable(join(folder, "initdb")));
}

/** Makes sure `program` is there; as root on Debian it is installed, and that is said. Throws one clear line otherwise. */
export function ensureBinary(program: Program): string {
  const found = findBinaryFolder(program);
  if (found !== undefined) return found;
  const name = packages[program];
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    console.log(`${program} is not installed: running apt-get install ${name} for the tests`);
    const options = {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"] as ["ignore", "ignore", "inherit"],
      timeout: 300_000,
    };
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", name], options);
    const installed = findBinaryFolder(program);
    if (installed !== undefined) return installed;
  }
  throw new Error(`These tests need ${program}: install it (Debian: apt-get install ${name}) or put it on PATH.`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
