import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { httpLoad, type HttpLoad } from "../http-load.ts";
import { nowMs, quantile } from "../measure.ts";

/** The runtime's own limits, measured with the load generators that the scenarios use. */
export interface RuntimeCeilings extends AsyncDisposable {
  /** `node:http` that answers with exactly these bytes. */
  http(body: Buffer, load: { seconds: number; connections: number }): Promise<HttpLoad>;
  /** `ws` that echoes frames of `bytes` bytes; each socket keeps `window` frames on their way. */
  echo(load: { seconds: number; sockets: number; window: number; bytes: number }): Promise<{
    framesPerSecond: number;
    p50Ms: number;
    p99Ms: number;
  }>;
}

export async function startRuntimeCeilings(): Promise<RuntimeCeilings> {
  const child = fork(fileURLToPath(new URL("./bare-server.ts", import.meta.url)));
  const [port] = (await once(child, "message")) as [number];
  return {
    async http(body, load) {
      await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      return httpLoad(`http://127.0.0.1:${port}/`, load);
    },
    async echo({ seconds, sockets, window, bytes }) {
      const text = "x".repeat(bytes - 20);
      const latencies: number[] = [];
      const until = nowMs() + seconds * 1000;
      const open = await Promise.all(
        Array.from({ length: sockets }, async () => {
          const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
          await once(socket, "open");
          return socket;
        }),
      );
      await Promise.all(
        open.map(async (socket) => {
          const send = (): void => socket.send(`${nowMs().toFixed(6).padStart(20)}${text}`);
          socket.on("message", (data: Buffer) => {
            latencies.push(nowMs() - Number(data.toString("latin1", 0, 20)));
            if (nowMs() < until) send();
            else socket.close();
          });
          for (let i = 0; i < window; i++) send();
          await once(socket, "close");
        }),
      );
      return {
        framesPerSecond: latencies.length / seconds,
        p50Ms: quantile(latencies, 0.5),
        p99Ms: quantile(latencies, 0.99),
      };
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
