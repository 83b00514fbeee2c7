import { spawn } from "node:child_process";
import { once } from "node:events";
import { program } from "@om/services";
import { WebSocket } from "ws";
import { within } from "../deadline.ts";
import { httpLoad, type HttpLoad } from "../http-load.ts";
import { nowMs, quantile } from "../measure.ts";

/** The runtime's own limits, measured with the load generators that the scenarios use. */
export interface RuntimeCeilings extends AsyncDisposable {
  /** Of the process that answers. */
  readonly pid: number;
  /** Where `ws` alone sends each frame to all other sockets. */
  readonly broadcastUrl: string;
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
  const child = spawn(process.execPath, program("bench/src/ceilings/bare-server.ts"), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port] = (await within(30_000, "the bare server has not started", once(child, "message"))) as [number];
  return {
    pid: child.pid ?? 0,
    broadcastUrl: `ws://127.0.0.1:${port}/all`,
    async http(body, load) {
      await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, signal: AbortSignal.timeout(10_000) });
      return httpLoad(`http://127.0.0.1:${port}/`, load);
    },
    async echo({ seconds, sockets, window, bytes }) {
      const text = "x".repeat(bytes - 20);
      const latencies: number[] = [];
      const until = nowMs() + seconds * 1000;
      const open = await Promise.all(
        Array.from({ length: sockets }, async () => {
          const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
          await within(30_000, "a socket has not opened", once(socket, "open"));
          return socket;
        }),
      );
      const late = (): string =>
        `${open.filter((socket) => socket.readyState !== socket.CLOSED).length} sockets still echo`;
      const all = open.map(async (socket) => {
        const send = (): void => socket.send(`${nowMs().toFixed(6).padStart(20)}${text}`);
        socket.on("message", (data: Buffer) => {
          latencies.push(nowMs() - Number(data.toString("latin1", 0, 20)));
          if (nowMs() < until) send();
          else socket.close();
        });
        for (let i = 0; i < window; i++) send();
        await once(socket, "close");
      });
      await within(seconds * 1000 + 30_000, late, Promise.all(all));
      return {
        framesPerSecond: latencies.length / seconds,
        p50Ms: quantile(latencies, 0.5),
        p99Ms: quantile(latencies, 0.99),
      };
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.disconnect();
      await within(10_000, "the bare server has not ended", gone);
    },
  };
}
