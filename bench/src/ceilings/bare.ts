import { spawn } from "node:child_process";
import { once } from "node:events";
import { program } from "@om/services";
import { within } from "../deadline.ts";
import { httpLoad, type HttpLoad, type Target } from "../load/http.ts";
import { pinServer } from "../stage/pin.ts";

/** The runtime's own limits, measured with the clients that measure the server. */
export interface Bare extends AsyncDisposable {
  /** Of the process that answers. */
  readonly pid: number;
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  /** Of its WebSockets, see `bare-server.ts`. */
  readonly wsUrl: string;
  /** `node:http` that answers with these bytes, and with the headers that the server sends with them. */
  http(
    page: { target: Target; body: Buffer; headers: Headers },
    load: Parameters<typeof httpLoad>[1],
  ): Promise<HttpLoad>;
}

/** @param env beside this process' own */
export async function startBare(env: Record<string, string> = {}): Promise<Bare> {
  const child = spawn(process.execPath, program("bench/src/ceilings/bare-server.ts"), {
    stdio: ["ignore", "inherit", "ignore", "ipc"],
    env: { ...process.env, ...env },
  });
  const [port] = (await within(30_000, "the bare server has not started", once(child, "message"))) as [number];
  const pid = child.pid ?? 0;
  pinServer(pid);
  const url = `http://127.0.0.1:${port}`;
  return {
    pid,
    url,
    wsUrl: `ws://127.0.0.1:${port}`,
    async http({ target, body, headers }, load) {
      // `node:http` writes these itself.
      const own = ["date", "connection", "keep-alive"];
      const same = Object.fromEntries([...headers].filter(([name]) => !own.includes(name)));
      const set = JSON.stringify({ headers: same, body: body.toString("base64") });
      await fetch(url, { method: "POST", body: set, signal: AbortSignal.timeout(10_000) });
      return httpLoad({ url: `${url}/${new URL(target.url).search}`, token: target.token, pid, body }, load);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.disconnect();
      await within(10_000, "the bare server has not ended", gone);
    },
  };
}
