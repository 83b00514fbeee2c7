import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type pg from "pg";
import { lockFolder } from "./folder-lock.ts";

/** PGlite in a worker thread behind a Unix socket that only this user can open, so that pg drives it like any PostgreSQL. */
export interface EmbeddedDatabase extends AsyncDisposable {
  connection: pg.ClientConfig;
}

/**
 * @param folder the data folder; made when missing, and held against a second process
 * @throws FolderInUse
 */
export async function startEmbedded(folder: string): Promise<EmbeddedDatabase> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = lockFolder(folder);
  const socketFolder = mkdtempSync(join(tmpdir(), "om-"));
  const worker = startWorker({ data: join(folder, "pgdata"), socket: join(socketFolder, ".s.PGSQL.5432") });
  const release = (): void => {
    rmSync(socketFolder, { recursive: true, force: true });
    lock.release();
  };
  try {
    await Promise.race([once(worker, "message"), endedEarly(worker)]);
  } catch (error) {
    release();
    throw new Error("the embedded database did not start", { cause: error });
  }
  return {
    connection: { host: socketFolder, port: 5432, user: "postgres", database: "postgres", password: "-", ssl: false },
    async [Symbol.asyncDispose]() {
      worker.postMessage("stop");
      await Promise.race([once(worker, "exit"), new Promise((resolve) => setTimeout(resolve, 4_000).unref())]);
      await worker.terminate();
      release();
    },
  };
}

async function endedEarly(worker: Worker): Promise<never> {
  const [code] = (await once(worker, "exit")) as [number];
  throw new Error(`worker ended with ${code}`);
}

/** Node 20 needs tsx to read TypeScript, and its worker threads do not take over the main thread's loader. */
function startWorker(workerData: { data: string; socket: string }): Worker {
  const script = new URL(
    import.meta.url.endsWith(".ts") ? "./embedded-worker.ts" : "./embedded-worker.js",
    import.meta.url,
  );
  const readsTypeScript = "typescript" in process.features && Boolean(process.features.typescript);
  if (script.pathname.endsWith(".js") || readsTypeScript) return new Worker(script, { workerData });
  const tsx = import.meta.resolve("tsx/esm/api");
  const bootstrap = `import("${tsx}").then(({ register }) => { register(); return import("${script.href}"); })`;
  return new Worker(bootstrap, { eval: true, workerData });
}
