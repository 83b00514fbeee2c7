import { sleep } from "./fault.ts";

/** Resolves when `holds` says so; asks now and then. @throws Error after 10 s */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; !(await holds());) {
    if (performance.now() > end) throw new Error("waited for 10 s in vain");
    await sleep(20);
  }
}
