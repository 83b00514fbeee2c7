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
 * @param onEnd called once if the running database ends without being disposed; it does not come back
 * @throws FolderInUse
 */
export async function startEmbedded(
  folder: string,
  onEnd: (error: Error) => void = () => undefined,
): Promise<EmbeddedDatabase> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = lockFolder(folder);
  const socketFolder = mkdtempSync(join(tmpdir(), "om-"));
  const worker = startWorker({ data: join(folder, "pgdata"), socket: join(socketFolder, ".s.PGSQL.5432") });
  const release = (): void => {
    rmSync(socketFolder, { recursive: true, force: true });
    lock.release();
  };
  const ended = endOf(worker);
  const started = new Promise<undefined>((resolve) => worker.once("message", () => resolve(undefined)));
  const early = await Promise.race([started, ended]);
  if (early !== undefined) {
    release();
    throw new Error("the embedded database did not start", { cause: early });
  }
  let disposing = false;
  void ended.then((cause) => {
    if (!disposing) onEnd(new Error("the embedded database has ended", { cause }));
  });
  return {
    connection: { host: socketFolder, port: 5432, user: "postgres", database: "postgres", password: "-", ssl: false },
    async [Symbol.asyncDispose]() {
      disposing = true;
      worker.postMessage("stop");
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 4_000).unref())]);
      await worker.terminate();
      release();
    },
  };
}

/** Resolves with the reason when the worker is gone. */
function endOf(worker: Worker): Promise<Error> {
  let failure: Error | undefined;
  worker.on("error", (error: Error) => (failure = error));
  return new Promise((resolve) => {
    worker.once("exit", (code) => resolve(failure ?? new Error(`worker ended with ${code}`)));
  });
}

/** A worker thread reads JavaScript only, also when the rest runs as TypeScript in a test. */
function startWorker(workerData: { data: string; socket: string }): Worker {
  return new Worker(new URL("../../../dist/platform/postgres/embedded-worker.js", import.meta.url), { workerData });
}
