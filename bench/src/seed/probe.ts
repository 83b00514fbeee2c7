import { Agent, request } from "node:http";
import { median, nowMs, quantile } from "../measure.ts";

/** Milliseconds of one request after the other on one connection. */
export interface Latency {
  p50: number;
  p99: number;
}

/** An address and who asks. */
export interface Target {
  url: string;
  token: string;
}

/** Asks `times` times, one after the other; `before` runs untimed before each. @throws Error for an answer that is not 200 */
export async function latency(target: Target, times: number, before?: () => Promise<unknown>): Promise<Latency> {
  using agent = keepAlive();
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    await before?.();
    const started = nowMs();
    await get(target, agent.agent);
    taken.push(nowMs() - started);
  }
  return { p50: median(taken), p99: quantile(taken, 0.99) };
}

/** The same for any piece of work. */
export async function timed(times: number, work: () => Promise<unknown>): Promise<Latency> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const started = nowMs();
    await work();
    taken.push(nowMs() - started);
  }
  return { p50: median(taken), p99: quantile(taken, 0.99) };
}

/** The body of an answer. */
export async function bodyOf(target: Target): Promise<Buffer> {
  using agent = keepAlive();
  const body = await get(target, agent.agent);
  return body;
}

function keepAlive(): { agent: Agent } & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return { agent, [Symbol.dispose]: () => agent.destroy() };
}

function get({ url, token }: Target, agent: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { agent, headers: { authorization: `Bearer ${token}` }, timeout: 10_000 },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          if (response.statusCode === 200) resolve(Buffer.concat(parts));
          else reject(new Error(`${url}: ${response.statusCode}`));
        });
      },
    );
    asked.on("timeout", () => asked.destroy(new Error(`${url}: no answer in 10 s`)));
    asked.on("error", reject);
    asked.end();
  });
}
