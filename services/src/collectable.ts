import { once } from "node:events";
import { WebSocket } from "ws";
import { freePort } from "./free-port.ts";

/** A setting with which a Node process can be asked to collect its garbage, and what does it. */
export interface Collectable {
  env: Record<string, string>;
  /** @returns the bytes that its heap holds afterwards */
  collectGarbage(): Promise<number>;
}

export async function collectable(): Promise<Collectable> {
  const port = await freePort();
  return {
    env: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` },
    async collectGarbage() {
      const list = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: AbortSignal.timeout(10_000) });
      const [{ webSocketDebuggerUrl }] = (await list.json()) as [{ webSocketDebuggerUrl: string }];
      const socket = new WebSocket(webSocketDebuggerUrl);
      const call = async (method: string): Promise<string> => {
        socket.send(JSON.stringify({ id: 1, method }));
        const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(60_000) })) as [Buffer];
        return answer.toString();
      };
      try {
        await once(socket, "open", { signal: AbortSignal.timeout(10_000) });
        await call("HeapProfiler.collectGarbage");
        const { result } = JSON.parse(await call("Runtime.getHeapUsage")) as { result: { usedSize: number } };
        return result.usedSize;
      } finally {
        socket.terminate();
      }
    },
  };
}
