import { spawn } from "node:child_process";
import { once } from "node:events";
import { program } from "@om/services";

/** `npm run import` as a process of its own. */
export interface ImportProcess {
  /** Resolves at the first line that fits. */
  line(pattern: RegExp): Promise<string>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

export function startImport(args: string[], env: Record<string, string>): ImportProcess {
  const node = [...program("server/src/import-main.ts"), ...args];
  const child = spawn(process.execPath, node, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    for (const look of waiting) look();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const gone = once(child, "close");
  return {
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = stdout.split("\n").find((line) => pattern.test(line));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        void gone.then(() => reject(new Error(`the import ended without ${pattern}:\n${stdout}${stderr}`)));
        look();
      }),
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    ended: gone.then(() => ({ code: child.exitCode, stdout, stderr })),
  };
}
