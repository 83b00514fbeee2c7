import { createRequire } from "node:module";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";

/** Runs in a thread of its own: one call at a time, each on a connection of its own; answers as `psql -At` and `redis-cli` print them. */
const program = `
const { createRequire } = require("node:module");
const { connect } = require("node:net");
const { workerData: { port, turn, from } } = require("node:worker_threads");
const pg = createRequire(from)("pg");
const text = { getTypeParser: () => (value) => value };

async function query({ url, sql }) {
  const client = new pg.Client({ connectionString: url, types: text, connectionTimeoutMillis: 10000, query_timeout: 60000 });
  client.on("error", () => {});
  try {
    await client.connect();
    const results = [await client.query({ text: sql, rowMode: "array" })].flat();
    return results.flatMap(({ rows }) => rows).map((row) => row.map((value) => value ?? "").join("|")).join("\\n");
  } finally {
    await client.end().catch(() => {});
  }
}

/** The reply at a place in RESP as text, and the place after it; undefined while a part is missing. */
function reply(bytes, at) {
  const end = bytes.indexOf("\\r\\n", at);
  if (end < 0) return undefined;
  const [kind, line] = [bytes[at], bytes.slice(at + 1, end)];
  let next = end + 2;
  if (kind === "$") {
    if (line === "-1") return ["", next];
    const last = next + Number(line);
    return bytes.length < last + 2 ? undefined : [bytes.slice(next, last), last + 2];
  }
  if (kind !== "*") return [line, next];
  const parts = [];
  while (parts.length < Number(line)) {
    const part = reply(bytes, next);
    if (part === undefined) return undefined;
    parts.push(part[0]);
    next = part[1];
  }
  return [parts.join("\\n"), next];
}

function command({ redis, password, args }) {
  const encode = (words) => "*" + words.length + "\\r\\n" + words.map((word) => "$" + Buffer.byteLength(word) + "\\r\\n" + word + "\\r\\n").join("");
  return new Promise((resolve, reject) => {
    const socket = connect(redis, "127.0.0.1");
    let bytes = "";
    socket.on("error", reject).on("close", () => reject(new Error("Redis closed the connection")));
    socket.setTimeout(30000, () => socket.destroy(new Error("no answer from Redis")));
    socket.setEncoding("latin1").on("data", (chunk) => {
      bytes += chunk;
      const first = reply(bytes, 0);
      const last = password === "" || first === undefined ? first : reply(bytes, first[1]);
      if (last === undefined) return;
      resolve(Buffer.from(last[0], "latin1").toString());
      socket.destroy();
    });
    socket.write((password === "" ? "" : encode(["AUTH", password])) + encode(args));
  });
}

port.on("message", async (call) => {
  port.postMessage(await (call.sql === undefined ? command(call) : query(call)).then((said) => ({ said }), (error) => ({ error: String(error) })));
  Atomics.add(turn, 0, 1);
  Atomics.notify(turn, 0);
});`;

type Call = { url: string; sql: string } | { redis: number; password: string; args: string[] };

/** @returns makes a call while the caller waits, and gives the answer. Whoever got none in time starts another one: a late answer would be taken for the next. */
function start(): (call: Call) => string {
  const turn = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const from = createRequire(import.meta.url).resolve("pg");
  const worker = new Worker(program, { eval: true, workerData: { port: port2, turn, from }, transferList: [port2] });
  worker.unref();
  port1.unref();
  // Its error is reported as nobody's; the next call starts another one.
  worker.once("exit", () => running === ask && (running = undefined));
  return ask;

  function ask(call: Call): string {
    const answered = Atomics.load(turn, 0);
    port1.postMessage(call);
    // Woken is not answered: the wake-up of the call before may come late.
    while (Atomics.load(turn, 0) === answered) {
      if (Atomics.wait(turn, 0, answered, 90_000) !== "timed-out") continue;
      running = undefined;
      void worker.terminate();
      throw new Error(`no answer to ${JSON.stringify(call).slice(0, 200)}`);
    }
    const answer = receiveMessageOnPort(port1)?.message as { said?: string; error?: string } | undefined;
    if (answer?.said === undefined) throw new Error(answer?.error);
    return answer.said.trim();
  }
}

let running: ReturnType<typeof start> | undefined;

function callSync(call: Call): string {
  running ??= start();
  return running(call);
}

/** Runs SQL on the database of a URL while the caller waits. @returns rows as lines, columns with `|` between, as `psql -At` writes them */
export function querySync(url: string, sql: string): string {
  return callSync({ url, sql });
}

/** Gives a Redis on `port` of loopback one command while the caller waits. @returns what redis-cli prints for it */
export function commandSync({ port, password }: { port: number; password: string }, args: string[]): string {
  return callSync({ redis: port, password, args });
}
