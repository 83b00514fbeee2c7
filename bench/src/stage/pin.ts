import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

const last = cpus().length - 1;
const [serverCores, otherCores] = ["0", last > 1 ? `1-${last}` : "1"];
const canPin = cpus().length > 1 && works();

/** Which processors are whose. */
export const pinning = canPin
  ? `servers on processor ${serverCores}, all else on ${otherCores}`
  : "nothing pinned: no taskset, or one processor only";

/** Gives a server, with all its threads, the processor that it shares with nobody. */
export function pinServer(pid: number): void {
  if (canPin) pin(serverCores, pid);
}

/** Lets a process and all that were started by it run everywhere, with all their threads. */
export function spread(pid: number): void {
  if (!canPin) return;
  pin(`0-${last}`, pid);
  const started = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").match(/\d+/g) ?? [];
  for (const one of started) {
    try {
      spread(Number(one));
    } catch {
      // It has ended.
    }
  }
}

/** Keeps this process, and whatever it starts from now on, off the servers' processor. */
export function pinOthers(): void {
  if (canPin) pin(otherCores, process.pid);
}

function pin(list: string, pid: number): void {
  execFileSync("taskset", ["-acp", list, String(pid)], { stdio: "ignore", timeout: 10_000 });
}

function works(): boolean {
  try {
    execFileSync("taskset", ["-cp", String(process.pid)], { stdio: "ignore", timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
