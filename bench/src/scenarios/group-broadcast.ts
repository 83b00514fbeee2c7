import { randomUUID } from "node:crypto";
import type { Account } from "../accounts.ts";
import { openAudience, type Audience } from "./audience.ts";
import { broadcast, type Broadcast } from "./broadcast.ts";

/** How much is on its way, and whose CPU time is counted. */
interface Load {
  seconds: number;
  window: number;
  pid: number;
}

/** A group of all the accounts. @returns its id */
export async function prepareGroup(url: string, accounts: readonly Account[]): Promise<number> {
  const [admin, ...others] = accounts;
  if (admin === undefined) throw new Error("no accounts");
  const call = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${admin.token}` };
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(`${url}/api/groups${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
    });
    if (!response.ok) throw new Error(`group: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  const id = Number((await call("", { name: "everybody" }))["id"]);
  for (const { id: userId } of others) await call(`/${id}/members`, { user_id: userId });
  return id;
}

/** All accounts connected as clients that follow by cursor do: they write nothing for what they receive. */
export function openGroup(url: string, accounts: readonly Account[]): Promise<Audience> {
  return openAudience(accounts.map(({ token }) => `${url.replace("http", "ws")}/ws?resume=1&token=${token}`));
}

/** Durable messages to a group whose members are all connected. */
export function groupBroadcast(audience: Audience, groupId: number, load: Load): Promise<Broadcast> {
  return broadcast(audience, load, {
    frame(n) {
      const content = `${n} is the number of this message, of ordinary length, as people write in groups`;
      const payload = { client_id: randomUUID(), group_id: groupId, content, message_type: "text" };
      return JSON.stringify({ type: "chat", payload });
    },
    counts: (data) => data.includes('"type":"message"'),
    mark: (n) => `"content":"${n} is`,
  });
}

/** The same number of bytes to the same number of sockets, with nothing but `ws` between. */
export function bareBroadcast(audience: Audience, frameBytes: number, load: Load): Promise<Broadcast> {
  return broadcast(audience, load, {
    frame: (n) => `#${n} `.padEnd(frameBytes, "x"),
    counts: () => true,
    mark: (n) => `#${n} `,
  });
}
