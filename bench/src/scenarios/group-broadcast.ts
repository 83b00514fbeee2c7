import { randomUUID } from "node:crypto";
import type { Account } from "../accounts.ts";
import { broadcast, openAudience } from "./broadcast.ts";

/** A group of all the accounts. @returns its id */
export async function prepareGroup(url: string, accounts: readonly Account[]): Promise<number> {
  const [admin, ...others] = accounts;
  if (admin === undefined) throw new Error("no accounts");
  const call = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${admin.token}` };
    const response = await fetch(`${url}/api/groups${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`group: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  const id = Number((await call("", { name: "everybody" }))["id"]);
  for (const { id: userId } of others) await call(`/${id}/members`, { user_id: userId });
  return id;
}

const content = "message of ordinary length, as people write in groups";

/** Durable messages to a group whose members are all connected. */
export async function groupBroadcast(
  url: string,
  group: { id: number; accounts: readonly Account[] },
  load: { seconds: number; window: number },
): Promise<{ deliveriesPerSecond: number; frameBytes: number }> {
  const socketUrl = (account: Account): string => `${url.replace("http", "ws")}/ws?resume=1&token=${account.token}`;
  using audience = await openAudience(group.accounts.map(socketUrl));
  let frameBytes = 0;
  const result = await broadcast(audience, load, {
    frame: () => {
      const payload = { client_id: randomUUID(), group_id: group.id, content, message_type: "text" };
      return JSON.stringify({ type: "chat", payload });
    },
    counts(data) {
      const isMessage = data.includes('"type":"message"');
      if (isMessage) frameBytes = data.length;
      return isMessage;
    },
  });
  return { ...result, frameBytes };
}

/** The same number of sockets and bytes with nothing but `ws` between. */
export async function bareBroadcast(
  url: string,
  of: { sockets: number; frameBytes: number },
  load: { seconds: number; window: number },
): Promise<{ deliveriesPerSecond: number }> {
  using audience = await openAudience(Array.from({ length: of.sockets }, () => url));
  const text = "x".repeat(of.frameBytes);
  return broadcast(audience, load, { frame: () => text, counts: () => true });
}
