import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The Debian package of a service, and the programs that have to lie side by side: the server first, then its companion. */
const services = {
  postgres: { package: "postgresql", programs: [["postgres", "initdb"]] },
  redis: {
    package: "redis-server",
    programs: [
      ["redis-server", "redis-cli"],
      ["valkey-server", "valkey-cli"],
    ],
  },
} as const;
export type Service = keyof typeof services;

/** Where a service's programs are, as full paths. */
export interface Binaries {
  server: string;
  companion: string;
}

/** The newest that Debian has put aside for a service, then PATH. */
function findBinaries(service: Service): Binaries | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((v) => join(debian, v, "bin")), ...(process.env["PATH"] ?? "").split(delimiter)];
  return services[service].programs
    .flatMap(([server, companion]) =>
      folders.map((folder) => ({ server: join(folder, server), companion: join(folder, companion) })),
    )
    .find(({ server, companion }) => isExecutable(server) && isExecutable(companion));
}

/** Makes sure `service` is there; as root on Debian it is installed, and that is said. Throws one clear line otherwise. */
export function ensureBinaries(service: Service): Binaries {
  const found = findBinaries(service);
  if (found !== undefined) return found;
  const name = services[service].package;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    console.log(`${service} is not installed: running apt-get install ${name} for the tests`);
    const options = {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"] as ["ignore", "ignore", "inherit"],
      timeout: 300_000,
    };
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", name], options);
    const installed = findBinaries(service);
    if (installed !== undefined) return installed;
  }
  throw new Error(`These tests need ${service}: install it (Debian: apt-get install ${name}) or put it on PATH.`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
