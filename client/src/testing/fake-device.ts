import type { Conversation, Message } from "@om/protocol";
import { createApi } from "../api.ts";
import { OmConnection, type ConnectOptions } from "../connection.ts";
import type { Ack } from "../outbox.ts";
import { memoryTokens } from "../tokens.ts";
import type { FakeServer } from "./fake-server.ts";

export const quick = {
  firstDelay: 1,
  maxDelay: 5,
  stable: 20,
  resendEvery: 20,
  reorder: 2,
  receipt: 1,
  rereadPause: 0,
  save: 1,
};

/** A token that says it is good; the fake server takes the user's id for one. */
export function fakeDevice(server: FakeServer, selfId: number, more: Partial<ConnectOptions> = {}) {
  const api = createApi({
    baseUrl: "http://server",
    tokens: memoryTokens({ accessToken: String(selfId), refreshToken: "r" }),
    fetch: server.fetch,
  });
  api.accessToken = () => Promise.resolve(String(selfId));
  api.ticket = () => Promise.resolve({ ticket: String(selfId), expires_in: 30 });
  const connection = new OmConnection({
    api,
    baseUrl: "http://server",
    selfId,
    open: server.open,
    timing: quick,
    ...more,
  });
  const seen = {
    messages: [] as Message[],
    updated: [] as Message[],
    acked: [] as Ack[],
    heads: [] as Conversation[],
    positions: [] as string[],
    statuses: [] as string[],
    refused: [] as string[],
    /** Deletions, clearings, groups that were left or changed, typing and presence, as `<event> <conversation> <what>`. */
    signs: [] as string[],
    resets: 0,
  };
  connection.on("message", (message) => seen.messages.push(message));
  connection.on("updated", (message) => seen.updated.push(message));
  connection.on("acked", (ack) => seen.acked.push(ack));
  connection.on("conversation", (conversation) => seen.heads.push(conversation));
  connection.on("position", ({ userId, kind, messageId }) => seen.positions.push(`${userId} ${kind} ${messageId}`));
  connection.on("status", (status) => seen.statuses.push(status));
  connection.on("refused", ({ code }) => seen.refused.push(code));
  connection.on("deleted", ({ conversationId, messageId }) =>
    seen.signs.push(`deleted ${conversationId} ${messageId}`),
  );
  connection.on("cleared", ({ conversationId, seq }) => seen.signs.push(`cleared ${conversationId} ${seq}`));
  connection.on("left", ({ conversationId }) => seen.signs.push(`left ${conversationId}`));
  connection.on("group", ({ conversationId }) => seen.signs.push(`group ${conversationId}`));
  connection.on("typing", ({ conversationId, userId }) => seen.signs.push(`typing ${conversationId} ${userId}`));
  connection.on("presence", ({ userId, isOnline }) => seen.signs.push(`presence ${userId} ${isOnline}`));
  connection.on("reset", () => (seen.resets += 1));
  const contents = (): string[] => seen.messages.map(({ content }) => content);
  return { connection, seen, contents, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]() };
}

/** Waits for what has no event of its own. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn += 1) {
    if (turn > 2_000) throw new Error("it never came");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
