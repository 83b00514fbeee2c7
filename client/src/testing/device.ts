import type { Message } from "@om/protocol";
import { createApi, type Api } from "../api.ts";
import { OmConnection } from "../connection.ts";
import { memoryState, type StateStore } from "../state.ts";
import { memoryTokens, type Tokens } from "../tokens.ts";

/** A user of a test and one device of it, with what the device was told. */
export interface Person {
  id: number;
  api: Api;
  tokens: Tokens;
}

export async function register(url: string, name: string): Promise<Person> {
  const store = memoryTokens();
  const api = createApi({ baseUrl: url, tokens: store });
  const answer = await api.register({ username: name, email: `${name}@example.org`, password: "a long password" });
  return { id: answer.user.id, api, tokens: { accessToken: answer.access_token, refreshToken: answer.refresh_token } };
}

export interface Device extends AsyncDisposable {
  connection: OmConnection;
  messages: Message[];
  /** `<user id> read`, `<user id> delivered` or `<user id> typing`, as told. */
  signs: string[];
  /** Resolves when `condition` holds; looked at after everything the device is told. */
  until(condition: () => boolean): Promise<void>;
}

/** Connects a device that comes back quickly. */
export function openDevice(url: string, person: Person, state: StateStore = memoryState()): Device {
  const connection = new OmConnection({
    api: createApi({ baseUrl: url, tokens: memoryTokens(person.tokens) }),
    baseUrl: url,
    selfId: person.id,
    state,
    timing: { firstDelay: 50, maxDelay: 400, resendEvery: 500 },
  });
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  const signs: string[] = [];
  connection.on("message", (message) => messages.push(message));
  connection.on("position", ({ userId, kind }) => signs.push(`${userId} ${kind}`));
  connection.on("typing", ({ userId }) => signs.push(`${userId} typing`));
  for (const event of ["message", "status", "acked", "position", "refused", "typing"] as const)
    connection.on(event, look);
  return {
    connection,
    messages,
    signs,
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
