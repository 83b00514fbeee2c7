import type { Account } from "../accounts.ts";
import { httpLoad, type HttpLoad } from "../http-load.ts";

/** Fills a conversation and returns the address of its newest page. */
export async function prepareHistory(url: string, [from, to]: readonly [Account, Account]): Promise<string> {
  for (let i = 0; i < 60; i++) {
    const response = await fetch(`${url}/api/messages`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${from.token}` },
      body: JSON.stringify({ recipient_id: to.id, content: `line ${i} of a talk, long enough to look like one` }),
      signal: AbortSignal.timeout(10_000),
    });
    if (response.status !== 201) throw new Error(`send: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
  return `${url}/api/messages?recipient_id=${to.id}&limit=50`;
}

/** GET of one address as `account`, with the bytes it answers. */
export async function readPage(
  url: string,
  account: Account,
  load: { seconds: number; connections: number },
): Promise<HttpLoad & { body: Buffer }> {
  const headers = { Authorization: `Bearer ${account.token}` };
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
  if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
  const body = Buffer.from(await response.arrayBuffer());
  return { ...(await httpLoad(url, { ...load, headers })), body };
}
