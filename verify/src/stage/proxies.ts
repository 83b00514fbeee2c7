import { spawn } from "node:child_process";
import { once } from "node:events";
import { program, type Fault } from "@om/services";

/** What a proxy is told to do. */
export interface ProxyOrder {
  index: number;
  /** The answer repeats it. */
  number: number;
  fault?: Fault;
  aim?: number;
}

/** One fault proxy per node between it and Redis. */
export interface Proxies extends AsyncDisposable {
  readonly ports: readonly number[];
  /** Resolves when it is so. */
  mode(index: number, fault: Fault): Promise<void>;
  /** From now on a node's new connections go to another server; the old ones are reset. */
  turn(index: number, targetPort: number): Promise<void>;
}

export async function startProxies(count: number, targetPort: number): Promise<Proxies> {
  const args = [...program("verify/src/stage/proxy-process.ts"), String(count), String(targetPort)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [{ ports }] = (await once(child, "message")) as [{ ports: number[] }];
  const waiting = new Map<number, () => void>();
  let last = 0;
  child.on("message", ({ number }: { number: number }) => {
    waiting.get(number)?.();
    waiting.delete(number);
  });
  const order = (what: Omit<ProxyOrder, "number">): Promise<void> =>
    new Promise((resolve) => {
      const number = ++last;
      waiting.set(number, resolve);
      child.send({ ...what, number });
    });
  return {
    ports,
    mode: (index, fault) => order({ index, fault }),
    turn: (index, aim) => order({ index, aim, fault: "reset" }),
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
