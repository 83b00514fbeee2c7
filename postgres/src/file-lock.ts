import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { EmbeddedRefused } from "./programs.ts";

/** Flags of open that take the lock as well, which Node does not name: O_EXLOCK of macOS, UV_FS_O_EXLOCK of libuv on Windows. */
const locking: Partial<Record<NodeJS.Platform, number>> = {
  darwin: 0x20 | constants.O_NONBLOCK,
  win32: 0x10_00_00_00,
};

/**
 * Takes the kernel's lock on a file. It ends with the last process that has the file open, in whatever container or on whatever
 * machine of a network folder that is, so nothing stale remains; a process id would not be an identity there.
 * @returns the open file; undefined: somebody else has the lock @throws EmbeddedRefused
 */
export function lockFile(path: string): number | undefined {
  const flags = locking[process.platform];
  try {
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT | (flags ?? 0), 0o600);
    if (flags !== undefined || flock(file)) return file;
    closeSync(file);
    return undefined;
  } catch (error) {
    if (["EAGAIN", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    if (error instanceof EmbeddedRefused) throw error;
    throw new EmbeddedRefused(`DATA_DIR: the folder cannot be written: ${(error as Error).message}`);
  }
}

/** Locks belong to the open file, not to the process that asks, so a short-lived program can take ours. */
function flock(file: number): boolean {
  const { status, error, stderr } = spawnSync("flock", ["-n", "3"], {
    stdio: ["ignore", "ignore", "pipe", file],
    encoding: "utf8",
    timeout: 30_000,
  });
  if (status === 0 || status === 1) return status === 0;
  throw new EmbeddedRefused(`DATA_DIR: the folder cannot be locked (${error?.message ?? stderr.trim()})`);
}
