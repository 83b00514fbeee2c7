import type { Hits } from "../checks/liveness.ts";

/** Sums of a counter by one of its labels, as a node counts since its start; undefined: it does not count that. */
export async function readCounter(
  url: string,
  counter: string,
  label: string,
): Promise<Map<string, number> | undefined> {
  const response = await fetch(`${url}/metrics`);
  const sums = new Map<string, number>();
  let known = false;
  for (const line of (await response.text()).split("\n")) {
    if (line.startsWith(`# TYPE ${counter} `)) known = true;
    const [, labels = "", value = "0"] = new RegExp(`^${counter}\\{([^}]*)\\} (\\S+)$`).exec(line) ?? [];
    const name = new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(labels)?.[1];
    if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return known ? sums : undefined;
}

/** Adds up what several nodes counted during the phases that are measured. */
export interface HitCount {
  begin(urls: readonly string[]): Promise<() => Promise<void>>;
  hits(): Hits;
}

export function createHitCount(): HitCount {
  let total: Record<string, number> | undefined;
  const read = (url: string): Promise<Map<string, number> | undefined> =>
    readCounter(url, "om_cache_reads_total", "result").catch(() => undefined);
  return {
    async begin(urls) {
      const before = await Promise.all(urls.map(read));
      return async () => {
        const after = await Promise.all(urls.map(read));
        for (const [index, counts] of after.entries()) {
          for (const [result, count] of counts ?? []) {
            total ??= {};
            total[result] = (total[result] ?? 0) + count - (before[index]?.get(result) ?? 0);
          }
        }
      };
    },
    hits: () => total,
  };
}
