import { execFileSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The Debian package of a service or tool, and the programs that have to lie side by side: the server first, then its companion.
 * `loose`: the program needs nothing else of its package, so it is taken out and nothing is installed.
 */
const services = {
  postgres: { package: "postgresql", programs: [["postgres", "initdb"]], loose: false },
  redis: {
    package: "redis-server",
    programs: [
      ["redis-server", "redis-cli"],
      ["valkey-server", "valkey-cli"],
    ],
    loose: false,
  },
  haproxy: { package: "haproxy", programs: [["haproxy", "haproxy"]], loose: false },
  nginx: { package: "nginx", programs: [["nginx", "nginx"]], loose: false },
  caddy: { package: "caddy", programs: [["caddy", "caddy"]], loose: true },
  chromium: {
    package: "chromium-headless-shell",
    // The first draws a page with two thirds of the work.
    programs: ["chromium-headless-shell", "chromium", "google-chrome"].map((name) => [name, name]),
    loose: false,
  },
  promtool: { package: "prometheus", programs: [["promtool", "promtool"]], loose: true },
} as const;
export type Service = keyof typeof services;

/** Where a service's programs are, as full paths. */
export interface Binaries {
  server: string;
  companion: string;
}

/** Programs taken out of packages; they stay until the next `npm ci`. */
const extractedPrograms = fileURLToPath(new URL("../../node_modules/.cache/om-services", import.meta.url));

/** The newest that Debian has put aside for a service, then PATH, then what was taken out of a package. */
function findBinaries(service: Service): Binaries | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const folders = [
    ...versions.map((v) => join(debian, v, "bin")),
    ...path,
    "/usr/sbin",
    join(extractedPrograms, service, "usr/bin"),
  ];
  return services[service].programs
    .flatMap(([server, companion]) =>
      folders.map((folder) => ({ server: join(folder, server), companion: join(folder, companion) })),
    )
    .find(({ server, companion }) => isExecutable(server) && isExecutable(companion));
}

/** Makes sure `service` is there; as root on Debian it is fetched, and that is said. Throws one clear line otherwise. */
export function ensureBinaries(service: Service): Binaries {
  const found = findBinaries(service);
  if (found !== undefined) return found;
  const { package: name, loose } = services[service];
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    if (loose) extractPackage(service, name);
    else install(service, name);
    const fetched = findBinaries(service);
    if (fetched !== undefined) return fetched;
  }
  throw new Error(`These tests need ${service}: install it (Debian: apt-get install ${name}) or put it on PATH.`);
}

function apt(args: string[], cwd?: string): void {
  execFileSync("apt-get", ["-qq", ...args], {
    cwd,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 300_000,
  });
}

let isUpdated = false;

function updateOnce(): void {
  if (!isUpdated) apt(["update"]);
  isUpdated = true;
}

function install(service: Service, name: string): void {
  console.log(`${service} is not installed: running apt-get install ${name} for the tests`);
  updateOnce();
  withoutStarting(() => apt(["install", "-y", "--no-install-recommends", name]));
}

/** Debian starts the service of a package that it installs, unless this file says no; the tests start servers of their own. */
function withoutStarting(work: () => void): void {
  const policy = "/usr/sbin/policy-rc.d";
  // Whoever runs this machine has decided already.
  if (existsSync(policy)) return work();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" });
  try {
    work();
  } finally {
    rmSync(policy);
  }
}

function extractPackage(service: Service, name: string): void {
  console.log(`${service} is not installed: taking it out of Debian's package ${name} for the tests`);
  mkdirSync(extractedPrograms, { recursive: true });
  const folder = mkdtempSync(join(extractedPrograms, "package-"));
  try {
    updateOnce();
    apt(["-o", "APT::Sandbox::User=root", "download", name], folder);
    const [file = ""] = readdirSync(folder);
    execFileSync("dpkg-deb", ["--extract", join(folder, file), join(folder, "tree")], { timeout: 60_000 });
    // All or nothing, whatever interrupts it.
    renameSync(join(folder, "tree"), join(extractedPrograms, service));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
