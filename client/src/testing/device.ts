import type { Message } from "@om/protocol";
import { createApi, type Api } from "../api.ts";
import { OmConnection } from "../connection.ts";
import { memoryState, type StateStore } from "../state.ts";
import type { Timing } from "../timing.ts";
import { memoryTokens, type Tokens } from "../tokens.ts";

/** A user of a test and one device of it, with what the device received. */
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
  updated: Message[];
  /** `<user id> read`, `delivered`, `typing`, `here` or `gone`, and `<conversation> left`, `cleared`, `group` or `deleted <id>`. */
  signs: string[];
  /** Resolves when `condition` holds; looked at after everything the device receives. */
  until(condition: () => boolean): Promise<void>;
}

/** Connects a device that comes back quickly. */
export function openDevice(
  url: string,
  person: Person,
  state: StateStore = memoryState(),
  timing: Partial<Timing> = {},
): Device {
  const connection = new OmConnection({
    api: createApi({ baseUrl: url, tokens: memoryTokens(person.tokens) }),
    baseUrl: url,
    selfId: person.id,
    state,
    timing: { firstDelay: 50, maxDelay: 400, resendEvery: 500, ...timing },
  });
  const messages: Message[] = [];
  const updated: Message[] = [];
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  const signs: string[] = [];
  connection.on("message", (message) => messages.push(message));
  connection.on("position", ({ userId, kind }) => signs.push(`${userId} ${kind}`));
  connection.on("updated", (message) => updated.push(message));
  connection.on("typing", ({ userId }) => signs.push(`${userId} typing`));
  connection.on("presence", ({ userId, isOnline }) => signs.push(`${userId} ${isOnline ? "here" : "gone"}`));
  connection.on("left", ({ conversationId: id }) => signs.push(`${id} left`));
  connection.on("cleared", ({ conversationId: id }) => signs.push(`${id} cleared`));
  connection.on("group", ({ conversationId: id }) => signs.push(`${id} group`));
  connection.on("deleted", ({ conversationId: id, messageId }) => signs.push(`${id} deleted ${messageId}`));
  const events = ["message", "updated", "deleted", "cleared", "left", "group", "presence", "conversation"] as const;
  for (const event of [...events, "status", "acked", "position", "refused", "typing"] as const)
    connection.on(event, look);
  return {
    connection,
    messages,
    updated,
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
