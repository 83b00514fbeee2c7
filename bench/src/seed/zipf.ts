import type { Account } from "../accounts.ts";

/** Reads and writes over conversations of which few are busy: the k-th takes a share of 1/k. */
export interface ZipfLoad {
  url: string;
  pairs: readonly (readonly [Account, Account])[];
  seconds: number;
  /** Of ten operations, how many send a message; the others read its newest page, every tenth the list. */
  writesOfTen: number;
  /** Clients at work side by side. */
  clients: number;
}

export interface ZipfResult {
  reads: number;
  writes: number;
  perSecond: number;
}

export async function zipfMix(load: ZipfLoad): Promise<ZipfResult> {
  const pick = zipf(load.pairs.length);
  const end = performance.now() + load.seconds * 1000;
  let [reads, writes] = [0, 0];
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const [from, to] = load.pairs[pick()] ?? [];
      if (from === undefined || to === undefined) throw new Error("no such pair");
      if (Math.random() * 10 < load.writesOfTen) {
        writes += 1;
        await send(load.url, from, to);
      } else {
        reads += 1;
        await read(load.url, Math.random() < 0.1 ? "/api/conversations" : `/api/messages?recipient_id=${to.id}`, from);
      }
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: load.clients }, client));
  return { reads, writes, perSecond: ((reads + writes) / (performance.now() - started)) * 1000 };
}

/** Draws 0 … n−1, k with weight 1/(k+1). */
function zipf(n: number): () => number {
  const sums: number[] = [];
  for (let k = 0; k < n; k++) sums.push((sums[k - 1] ?? 0) + 1 / (k + 1));
  return () => {
    const drawn = Math.random() * (sums.at(-1) ?? 0);
    return Math.max(
      0,
      sums.findIndex((sum) => sum >= drawn),
    );
  };
}

async function send(url: string, from: Account, to: Account): Promise<void> {
  const body = JSON.stringify({ recipient_id: to.id, content: "a line of a talk, as long as most of them are" });
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${from.token}` };
  const response = await fetch(`${url}/api/messages`, {
    method: "POST",
    headers,
    body,
    signal: AbortSignal.timeout(10_000),
  });
  await response.arrayBuffer();
  if (response.status !== 201) throw new Error(`send: ${response.status}`);
}

async function read(url: string, path: string, { token }: Account): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(url + path, { headers, signal: AbortSignal.timeout(10_000) });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
}

/** Sums of `om_cache_reads_total` by kind and result. */
export async function cacheReads(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
  const found = new Map<string, number>();
  for (const [, kind, result, value] of text.matchAll(/^om_cache_reads_total\{kind="(\w+)",result="(\w+)"\} (\d+)/gm)) {
    found.set(`${kind} ${result}`, Number(value));
  }
  return found;
}

/** Share of looks into the cache that were answered from it, by kind, between two readings. */
export function hitRates(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Map<string, number> {
  const hits = new Map<string, number>();
  const all = new Map<string, number>();
  for (const [name, value] of after) {
    const [kind = "", result = ""] = name.split(" ");
    const grown = value - (before.get(name) ?? 0);
    all.set(kind, (all.get(kind) ?? 0) + grown);
    if (result.startsWith("hit")) hits.set(kind, (hits.get(kind) ?? 0) + grown);
  }
  return new Map([...all].filter(([, sum]) => sum > 0).map(([kind, sum]) => [kind, (hits.get(kind) ?? 0) / sum]));
}
