import autocannon from "autocannon";

/** What a burst of GET requests over keep-alive connections measured. */
export interface HttpLoad {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** @throws Error when any answer was not 2xx: a wrong answer is no figure */
export async function httpLoad(
  url: string,
  options: { seconds: number; connections: number; headers?: Record<string, string> },
): Promise<HttpLoad> {
  const result = await autocannon({
    url,
    duration: options.seconds,
    connections: options.connections,
    headers: options.headers ?? {},
  });
  if (result.non2xx > 0 || result.errors > 0 || result.timeouts > 0) {
    throw new Error(`${url}: ${result.non2xx} answers were not 2xx, ${result.errors} errors`);
  }
  return { requestsPerSecond: result.requests.average, p50Ms: result.latency.p50, p99Ms: result.latency.p99 };
}
