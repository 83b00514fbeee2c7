import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

/** Worker thread of the embedded database: PGlite behind a Unix socket. `workerData`: data folder and socket path. */
const { data, socket } = workerData as { data: string; socket: string };
const db = await PGlite.create(data);
const server = new PGLiteSocketServer({ db, path: socket, maxConnections: 2 });
await server.start();
parentPort?.once("message", () => {
  void stop();
});
parentPort?.postMessage("ready");

async function stop(): Promise<void> {
  await server.stop();
  await db.close();
  parentPort?.postMessage("stopped");
  parentPort?.close();
}
