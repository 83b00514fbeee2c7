import { createRequire } from "node:module";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";

/** Runs in a thread of its own: one text at a time, on a connection of its own, in the words of `psql -At`. */
const program = `
const { createRequire } = require("node:module");
const { workerData: { port, turn, from } } = require("node:worker_threads");
const pg = createRequire(from)("pg");
const text = { getTypeParser: () => (value) => value };
port.on("message", async ({ url, sql }) => {
  const client = new pg.Client({ connectionString: url, types: text, connectionTimeoutMillis: 10000, query_timeout: 60000 });
  client.on("error", () => {});
  let answer;
  try {
    await client.connect();
    const results = [await client.query({ text: sql, rowMode: "array" })].flat();
    answer = { rows: results.flatMap(({ rows }) => rows).map((row) => row.map((value) => value ?? "").join("|")).join("\\n") };
  } catch (error) {
    answer = { error: String(error) };
  }
  await client.end().catch(() => {});
  port.postMessage(answer);
  Atomics.store(turn, 0, 1);
  Atomics.notify(turn, 0);
});`;

/** @returns runs SQL on the database of a URL while the caller waits, and gives the rows as lines of columns with \`|\` between */
function start(): (url: string, sql: string) => string {
  const turn = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const from = createRequire(import.meta.url).resolve("pg");
  const worker = new Worker(program, { eval: true, workerData: { port: port2, turn, from }, transferList: [port2] });
  worker.unref();
  port1.unref();
  return (url, sql) => {
    Atomics.store(turn, 0, 0);
    port1.postMessage({ url, sql });
    if (Atomics.wait(turn, 0, 0, 90_000) === "timed-out") throw new Error(`no answer to ${sql.slice(0, 200)}`);
    const answer = receiveMessageOnPort(port1)?.message as { rows?: string; error?: string } | undefined;
    if (answer?.rows === undefined) throw new Error(answer?.error);
    return answer.rows;
  };
}

let running: ReturnType<typeof start> | undefined;

/** Runs SQL on the database of a URL while the caller waits. @returns rows as lines, columns with `|` between, as `psql -At` writes them */
export function querySync(url: string, sql: string): string {
  running ??= start();
  return running(url, sql).trim();
}
