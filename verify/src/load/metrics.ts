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

/** Counts by result, on several nodes from now on; what it returns ends that. */
export async function countResults(urls: readonly string[], counter: string): Promise<() => Promise<Hits>> {
  const read = (url: string): Promise<Map<string, number> | undefined> =>
    readCounter(url, counter, "result").catch(() => undefined);
  const before = await Promise.all(urls.map(read));
  return async () => {
    const after = await Promise.all(urls.map(read));
    if (after.every((counts) => counts === undefined)) return undefined;
    const total: Record<string, number> = {};
    for (const [index, counts] of after.entries()) {
      for (const [result, count] of counts ?? [])
        total[result] = (total[result] ?? 0) + count - (before[index]?.get(result) ?? 0);
    }
    return total;
  };
}
