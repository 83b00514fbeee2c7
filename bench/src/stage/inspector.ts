import { freePort } from "@om/services";
import { WebSocket } from "ws";
import { within } from "../deadline.ts";

/** Settings with which a Node process can be asked to collect its garbage, and the function that does it. */
export async function collectable(): Promise<{ env: Record<string, string>; collectGarbage(): Promise<void> }> {
  const port = await freePort();
  return {
    env: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` },
    async collectGarbage() {
      const list = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: AbortSignal.timeout(10_000) });
      const [{ webSocketDebuggerUrl }] = (await list.json()) as [{ webSocketDebuggerUrl: string }];
      const socket = new WebSocket(webSocketDebuggerUrl);
      const collected = new Promise((resolve, reject) => {
        socket.once("message", resolve).once("error", reject);
        socket.once("open", () => socket.send('{"id":1,"method":"HeapProfiler.collectGarbage"}'));
      });
      await within(60_000, "the garbage is not collected", collected).finally(() => socket.terminate());
    },
  };
}
