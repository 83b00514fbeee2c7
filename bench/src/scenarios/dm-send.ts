import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import type { Account } from "../accounts.ts";
import { within } from "../deadline.ts";
import { nowMs, quantile } from "../measure.ts";
import { cpuMs } from "../process-cpu.ts";

/** What durable direct messages cost: every one is committed before its ack, and pushed to a connected recipient. */
export interface DmSend {
  messagesPerSecond: number;
  ackP50Ms: number;
  ackP99Ms: number;
  deliveryP50Ms: number;
  deliveryP99Ms: number;
  serverCpuMicrosPerMessage: number;
}

/** What the sockets of one run have seen. */
interface Tally {
  sentAt: Map<string, number>;
  acks: number[];
  deliveries: number[];
  sent: number;
}

/**
 * Each pair of accounts is a sender with `window` messages on their way and a connected recipient, whom pairs may share.
 * @throws Error when a message was not acknowledged or not delivered exactly once
 */
export async function dmSend(
  server: { url: string; pid: number },
  pairs: readonly (readonly [Account, Account])[],
  load: { seconds: number; window: number },
): Promise<DmSend> {
  const tally: Tally = { sentAt: new Map(), acks: [], deliveries: [], sent: 0 };
  const distinct = new Map(pairs.map(([, to]) => [to.id, to]));
  const recipients = await Promise.all([...distinct.values()].map((to) => open(server.url, to)));
  const senders = await Promise.all(pairs.map(([from]) => open(server.url, from)));
  for (const recipient of recipients) recipient.on("message", (data: Buffer) => noteDelivery(data, tally));
  const cpuBefore = cpuMs(server.pid);
  const started = nowMs();
  const until = started + load.seconds * 1000;
  const late = (): string => `${tally.acks.length} of ${tally.sent} messages are acknowledged`;
  const all = senders.map((sender, index) =>
    keepSending(sender, pairs[index]?.[1].id ?? 0, { tally, until, window: load.window }),
  );
  await within(load.seconds * 1000 + 30_000, late, Promise.all(all));
  const seconds = (nowMs() - started) / 1000;
  const cpu = cpuMs(server.pid) - cpuBefore;
  for (let waited = 0; tally.deliveries.length < tally.sent && waited < 5_000; waited += 20) await delay(20);
  for (const socket of [...senders, ...recipients]) socket.terminate();
  const { acks, deliveries, sent } = tally;
  if (acks.length !== sent || deliveries.length !== sent) {
    throw new Error(`sent ${sent}, acknowledged ${acks.length}, delivered ${deliveries.length}`);
  }
  return {
    messagesPerSecond: sent / seconds,
    ackP50Ms: quantile(acks, 0.5),
    ackP99Ms: quantile(acks, 0.99),
    deliveryP50Ms: quantile(deliveries, 0.5),
    deliveryP99Ms: quantile(deliveries, 0.99),
    serverCpuMicrosPerMessage: (cpu * 1000) / sent,
  };
}

/** Keeps `window` messages on their way until the time is up; resolves when the last is acknowledged. */
function keepSending(
  socket: WebSocket,
  recipientId: number,
  { tally, until, window }: { tally: Tally; until: number; window: number },
): Promise<void> {
  const run = Math.random().toString(36).slice(2, 12);
  let count = 0;
  let open = 0;
  const send = (): void => {
    const clientId = `${run}-${count++}`;
    const content = `message ${count} of ordinary length, as people write`;
    tally.sentAt.set(clientId, nowMs());
    tally.sent += 1;
    open += 1;
    const payload = { client_id: clientId, recipient_id: recipientId, content, message_type: "text" };
    socket.send(JSON.stringify({ type: "chat", payload }));
  };
  return new Promise((resolve) => {
    socket.on("message", (data: Buffer) => {
      if (!data.includes('"type":"ack"')) return;
      tally.acks.push(nowMs() - (tally.sentAt.get(field(data, '"client_id":"')) ?? Number.NaN));
      open -= 1;
      if (nowMs() < until) send();
      else if (open === 0) resolve();
    });
    for (let i = 0; i < window; i++) send();
  });
}

function noteDelivery(data: Buffer, tally: Tally): void {
  if (!data.includes('"type":"message"')) return;
  const at = tally.sentAt.get(field(data, '"client_id":"'));
  if (at !== undefined) tally.deliveries.push(nowMs() - at);
}

async function open(url: string, account: Account): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws?resume=1&token=${account.token}`, {
    perMessageDeflate: false,
  });
  await within(30_000, "a socket has not opened", once(socket, "open"));
  return socket;
}

/** The text after `prefix` up to the next quote: parsing every frame would measure the load generator. */
function field(data: Buffer, prefix: string): string {
  const start = data.indexOf(prefix) + prefix.length;
  return data.toString("latin1", start, data.indexOf('"', start));
}
