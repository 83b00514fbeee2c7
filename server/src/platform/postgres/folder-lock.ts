import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Another live process works on this data folder. */
export class FolderInUse extends Error {}

/**
 * Holds `folder` for this process with the file `server.lock`. The file names the holder by pid and start time, so one that a
 * killed process left behind is recognised even if its pid lives again.
 * @throws FolderInUse
 */
export function lockFolder(folder: string): { release(): void } {
  const file = join(folder, "server.lock");
  const own = join(folder, `server.lock.${process.pid}`);
  const identity = describe(process.pid) ?? String(process.pid);
  writeFileSync(own, identity);
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      if (tryLink(own, file)) return { release: () => releaseIfOurs(file, identity) };
      const holder = readIfThere(file);
      if (holder === undefined) continue;
      if (isAlive(holder)) {
        throw new FolderInUse(`${folder} is in use by another server (process ${holder.split(" ")[0]})`);
      }
      setAside(file, `${own}.stale`, holder);
    }
    throw new FolderInUse(`${folder} is in use by another server that is just starting`);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Linking fails when the target exists, so exactly one of several starters wins. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Removes a stale lock, but puts it back when somebody else renewed it meanwhile. */
function setAside(file: string, aside: string, expected: string): void {
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (readIfThere(aside) !== expected) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function releaseIfOurs(file: string, identity: string): void {
  if (readIfThere(file) === identity) rmSync(file, { force: true });
}

function isAlive(holder: string): boolean {
  const pid = Number(holder.split(" ")[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const now = describe(pid);
  if (now !== undefined) return now === holder;
  try {
    process.kill(pid, 0);
    return !holder.includes(" ");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** `pid start-time` where the kernel tells it (Linux), else undefined. */
function describe(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // After the name in parentheses, field 22 of proc(5) is the start time.
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return start === undefined ? undefined : `${pid} ${start}`;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
