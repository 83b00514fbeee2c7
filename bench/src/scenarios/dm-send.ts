import { once } from "node:events";
import { WebSocket } from "ws";
import type { Account } from "../accounts.ts";
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

/**
 * Each pair of accounts is a sender with `window` messages on their way and a connected recipient.
 * @throws Error when a message was not acknowledged or not delivered exactly once
 */
export async function dmSend(
  server: { url: string; pid: number },
  pairs: readonly (readonly [Account, Account])[],
  load: { seconds: number; window: number },
): Promise<DmSend> {
  const acks: number[] = [];
  const deliveries: number[] = [];
  const sentAt = new Map<string, number>();
  let delivered = 0;
  let sent = 0;
  const started = nowMs();
  const until = started + load.seconds * 1000;
  const senders: WebSocket[] = [];
  const recipients: WebSocket[] = [];
  const finished: Promise<void>[] = [];
  const run = Math.random().toString(36).slice(2, 8);
  for (const [from, to] of pairs) {
    const [sender, recipient] = await Promise.all([open(server.url, from), open(server.url, to)]);
    senders.push(sender);
    recipients.push(recipient);
    recipient.on("message", (data: Buffer) => {
      const clientId = field(data, '"client_id":"');
      const at = sentAt.get(clientId);
      if (!data.includes('"type":"message"') || at === undefined) return;
      deliveries.push(nowMs() - at);
      delivered += 1;
    });
  }
  const cpuBefore = cpuMs(server.pid);
  for (const [index, sender] of senders.entries()) {
    const to = pairs[index]?.[1].id;
    let mine = 0;
    let open = 0;
    const send = (): void => {
      const clientId = `${run}-${index}-${mine++}`;
      sentAt.set(clientId, nowMs());
      sent += 1;
      open += 1;
      sender.send(
        JSON.stringify({
          type: "chat",
          payload: {
            client_id: clientId,
            recipient_id: to,
            content: `message ${mine} of ordinary length, as people write`,
            message_type: "text",
          },
        }),
      );
    };
    finished.push(
      new Promise((resolve) => {
        sender.on("message", (data: Buffer) => {
          if (!data.includes('"type":"ack"')) return;
          acks.push(nowMs() - (sentAt.get(field(data, '"client_id":"')) ?? Number.NaN));
          open -= 1;
          if (nowMs() < until) send();
          else if (open === 0) resolve();
        });
      }),
    );
    for (let i = 0; i < load.window; i++) send();
  }
  await Promise.all(finished);
  const seconds = (nowMs() - started) / 1000;
  const cpu = cpuMs(server.pid) - cpuBefore;
  for (let waited = 0; delivered < sent && waited < 5_000; waited += 20) await new Promise((r) => setTimeout(r, 20));
  for (const socket of [...senders, ...recipients]) socket.terminate();
  if (acks.length !== sent || delivered !== sent) {
    throw new Error(`sent ${sent}, acknowledged ${acks.length}, delivered ${delivered}`);
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

async function open(url: string, account: Account): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws?resume=1&token=${account.token}`, {
    perMessageDeflate: false,
  });
  await once(socket, "open");
  return socket;
}

/** The text after `prefix` up to the next quote: parsing every frame would measure the load generator. */
function field(data: Buffer, prefix: string): string {
  const start = data.indexOf(prefix) + prefix.length;
  return data.toString("latin1", start, data.indexOf('"', start));
}
