import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startOmServer, startPostgres, startRedis } from "@om/services";
import { registerAccounts, type Account } from "./accounts.ts";
import { within } from "./deadline.ts";
import { insertCeiling } from "./ceilings/postgres.ts";
import { startRuntimeCeilings } from "./ceilings/runtime.ts";
import { repeat, type Figure } from "./measure.ts";
import { machine, markdown, type Row } from "./report.ts";
import { openAudience } from "./scenarios/audience.ts";
import { dmSend } from "./scenarios/dm-send.ts";
import { bareBroadcast, groupBroadcast, openGroup, prepareGroup } from "./scenarios/group-broadcast.ts";
import { prepareHistory, readPage } from "./scenarios/history-page.ts";

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    pairs: { type: "string", default: "50" },
    window: { type: "string", default: "16" },
    connections: { type: "string", default: "32" },
    members: { type: "string", default: "1000" },
    json: { type: "string" },
    embedded: { type: "boolean", default: false },
    redis: { type: "boolean", default: false },
  },
});
const runs = Number(options.runs);
const seconds = Number(options.seconds);
const connections = Number(options.connections);
const load = { seconds, connections };
const http = { requestsPerSecond: "requests/s", p50Ms: "ms", p99Ms: "ms" };
const print = (text: string): void => console.error(text);

await using postgres = await within(60_000, "PostgreSQL has not started", startPostgres(["fsync=on"]));
await using runtime = await startRuntimeCeilings();
const database: Record<string, string> = options.embedded ? {} : { DATABASE_URL: postgres.createDatabase() };
await using redis = options.redis
  ? await startRedis({ maxmemory: "2gb", "maxmemory-policy": "allkeys-lru" })
  : undefined;
const cache: Record<string, string> = redis === undefined ? {} : { REDIS_URL: redis.url };
const settings = { ...database, ...cache, LOG_LEVEL: "warn", MAX_SOCKETS_PER_USER: "0" };
await using server = await within(60_000, "the server has not started", startOmServer(settings));
const rows: Row[] = [];
const add = (what: string, figure: Figure | undefined, ratio?: Row["ratio"]): void => {
  if (figure !== undefined) rows.push({ what, figure, ...(ratio === undefined ? {} : { ratio }) });
};
const share = (of: string, figure: Figure | undefined, ceiling: Figure | undefined): Row["ratio"] => ({
  of,
  value: (figure?.median ?? Number.NaN) / (ceiling?.median ?? Number.NaN),
});

print("registering users");
const accounts = await registerAccounts(server.url, Number(options.pairs) * 2 + 42);
const pairs = Array.from(
  { length: Number(options.pairs) },
  (_, i) => accounts.slice(i * 2, i * 2 + 2) as [Account, Account],
);
const rest = accounts.slice(Number(options.pairs) * 2);
const reader = rest[0] ?? accounts[0];
if (reader === undefined) throw new Error("no accounts");
const historyUrl = await prepareHistory(server.url, [reader, rest[1] ?? reader]);
for (const peer of rest.slice(2, 21)) await prepareHistory(server.url, [peer, reader]);
const listUrl = `${server.url}/api/conversations?limit=20`;

print("ceilings: PostgreSQL");
const ceilingUrl = postgres.createDatabase();
const inserts = (rowsPerInsert: number): Promise<Record<string, Figure>> =>
  repeat(runs, { rows: "rows/s" }, async () => ({
    rows: await insertCeiling(ceilingUrl, { seconds, connections: 8, rowsPerInsert }),
  }));
const one = await inserts(1);
const many = await inserts(64);
add("ceiling: one-row INSERT, 8 connections", one["rows"]);
add("ceiling: 64-row UNNEST INSERT, 8 connections", many["rows"]);

print("ceilings: ws echo");
const echo = await repeat(runs, { framesPerSecond: "frames/s", p50Ms: "ms", p99Ms: "ms" }, () =>
  runtime.echo({ seconds, sockets: pairs.length, window: Number(options.window), bytes: 180 }),
);
add("ceiling: bare ws echo", echo["framesPerSecond"]);

print("scenario: direct messages");
const sendUnits = {
  messagesPerSecond: "messages/s",
  ackP50Ms: "ms",
  ackP99Ms: "ms",
  deliveryP50Ms: "ms",
  deliveryP99Ms: "ms",
  serverCpuMicrosPerMessage: "µs",
};
await dmSend(server, pairs, { seconds: 2, window: Number(options.window) });
const sends = await repeat(runs, sendUnits, async () => ({
  ...(await dmSend(server, pairs, { seconds, window: Number(options.window) })),
}));
const rate = sends["messagesPerSecond"];
add("durable direct messages", rate, share("one-row INSERT", rate, one["rows"]));
add("durable direct messages", rate, share("64-row INSERT", rate, many["rows"]));
add("durable direct messages", rate, share("ws echo", rate, echo["framesPerSecond"]));
add("ack latency, median", sends["ackP50Ms"]);
add("ack latency, 99 %", sends["ackP99Ms"]);
add("delivery latency, median", sends["deliveryP50Ms"]);
add("delivery latency, 99 %", sends["deliveryP99Ms"]);
add("server CPU per message", sends["serverCpuMicrosPerMessage"]);

print("scenario: direct messages to one recipient");
const [[, bot] = [reader, reader]] = pairs;
const toBot = pairs.map(([from]) => [from, bot] as const);
const hot = await repeat(runs, { messagesPerSecond: "messages/s" }, async () => {
  const { messagesPerSecond } = await dmSend(server, toBot, { seconds, window: Number(options.window) });
  return { messagesPerSecond };
});
add("the same, all to one recipient", hot["messagesPerSecond"], share("the above", hot["messagesPerSecond"], rate));

for (const [what, url] of [
  ["history page of 50", historyUrl],
  ["conversation list of 20", listUrl],
] as const) {
  print(`scenario: ${what}`);
  let body: Buffer = Buffer.alloc(0);
  await readPage(url, reader, { ...load, seconds: 1 });
  const page = await repeat(runs, http, async () => {
    const { body: bytes, ...measured } = await readPage(url, reader, load);
    body = bytes;
    return measured;
  });
  const bare = await repeat(runs, http, async () => ({ ...(await runtime.http(body, load)) }));
  add(`ceiling: node:http with the ${body.length} bytes of a ${what}`, bare["requestsPerSecond"]);
  add(what, page["requestsPerSecond"], share("node:http", page["requestsPerSecond"], bare["requestsPerSecond"]));
  add(`${what}, median`, page["p50Ms"]);
  add(`${what}, 99 %`, page["p99Ms"]);
}

if (Number(options.members) > 1) {
  print(`registering a group of ${options.members}`);
  const crowd = await registerAccounts(server.url, Number(options.members));
  const groupId = await prepareGroup(server.url, crowd);
  using members = await openGroup(server.url, crowd);
  using bareMembers = await openAudience(crowd.map(() => runtime.broadcastUrl));
  await groupBroadcast(members, groupId, { seconds: 1, window: 16, pid: server.pid });
  const units = {
    rate: "deliveries/s",
    bareRate: "deliveries/s",
    toAll: "ms",
    bareToAll: "ms",
    cpu: "µs",
    bareCpu: "µs",
  };
  for (const window of [1, 16]) {
    const onTheirWay = window === 1 ? "one by one" : `${window} on their way`;
    print(`scenario: messages to a group of ${options.members}, ${onTheirWay}`);
    let frameBytes = 0;
    const both = await repeat(runs, units, async () => {
      const ours = await groupBroadcast(members, groupId, { seconds, window, pid: server.pid });
      frameBytes = ours.frameBytes;
      const bare = await bareBroadcast(bareMembers, frameBytes, { seconds, window, pid: runtime.pid });
      return {
        rate: ours.deliveriesPerSecond,
        toAll: ours.toAllP50Ms,
        cpu: ours.serverCpuMicrosPerDelivery,
        bareRate: bare.deliveriesPerSecond,
        bareToAll: bare.toAllP50Ms,
        bareCpu: bare.serverCpuMicrosPerDelivery,
      };
    });
    const { rate: ours, bareRate: ceiling } = both;
    add(`ceiling: bare ws broadcast of ${frameBytes} bytes to ${Number(options.members) - 1}, ${onTheirWay}`, ceiling);
    add("until the last one has it, median", both["bareToAll"]);
    add("its CPU per delivery", both["bareCpu"]);
    add(
      `durable messages to a group of ${options.members} online, ${onTheirWay}`,
      ours,
      share("bare ws broadcast", ours, ceiling),
    );
    add("until the last member has it, median", both["toAll"]);
    add("server CPU per delivery", both["cpu"]);
  }
}

const result = { at: new Date().toISOString(), machine: machine(), options, rows };
console.log(`\n${result.machine}; ${runs} runs of ${seconds} s\n\n${markdown(rows)}`);
if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(result, null, 2));
