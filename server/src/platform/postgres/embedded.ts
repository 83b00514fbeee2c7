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
  const worker = new Worker(new URL("./embedded-worker.ts", import.meta.url), {
    workerData: { data: join(folder, "pgdata"), socket: join(socketFolder, ".s.PGSQL.5432") },
    // Node 20 needs tsx to read TypeScript; newer ones do it themselves.
    execArgv: "typescript" in process.features && process.features.typescript ? [] : ["--import", "tsx"],
  });
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
