import { randomBytes } from "node:crypto";

/** A registered user of the server under test. */
export interface Account {
  id: number;
  token: string;
}

/** Registers `count` users, a few at a time: hashing their passwords is the slow part, about 13 ms each on two cores. */
export async function registerAccounts(url: string, count: number): Promise<Account[]> {
  const accounts: Account[] = [];
  const run = randomBytes(4).toString("hex");
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const name = `b_${run}_${index}`;
      const response = await fetch(`${url}/api/auth/register`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ username: name, email: `${name}@example.org`, password: "a password for the bench" }),
        signal: AbortSignal.timeout(30_000),
      });
      if (response.status !== 201) throw new Error(`register: ${response.status} ${await response.text()}`);
      const answer = (await response.json()) as { access_token: string; user: { id: number } };
      accounts[index] = { id: answer.user.id, token: answer.access_token };
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return accounts;
}
