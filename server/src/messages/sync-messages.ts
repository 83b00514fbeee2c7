import { limits, type SyncRequest, type SyncResult } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { directPair } from "../conversations/conversation-row.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageStore } from "./message-store.ts";

interface Deps {
  store: MessageStore;
  views: UserViews;
}

/** Conversations that one statement reads. */
const chunk = 200;

/**
 * What came after `last_message_id` in each conversation, oldest first; one result per request, in order. A conversation that the
 * caller is not in, or a malformed name, gives `undefined`; what does not fit into one answer is left for the next (`has_more`).
 */
export async function syncMessages(
  deps: Deps,
  caller: Caller,
  asked: { conversations: readonly SyncRequest[]; limit: number },
): Promise<(SyncResult | undefined)[]> {
  const results: (SyncResult | undefined)[] = [];
  let room: number = limits.syncTotalMessages;
  for (let start = 0; start < asked.conversations.length; start += chunk) {
    const part = asked.conversations.slice(start, start + chunk);
    const found = room > 0 ? await readChunk(deps, caller, { conversations: part, limit: asked.limit }) : [];
    for (const [index, { conversation_id: name = "" }] of part.entries()) {
      const known = /^(user|group)_\d+$/.test(name);
      const messages = found[index] ?? [];
      const shown = messages.slice(0, Math.min(asked.limit, room));
      const last = shown.at(-1);
      const more = messages.length > shown.length || (known && room <= 0);
      room -= shown.length;
      results.push(
        known
          ? {
              conversation_id: name,
              has_more: more,
              messages: shown,
              ...(last === undefined ? {} : { next_cursor: last.id }),
            }
          : undefined,
      );
    }
  }
  return results;
}

/** Messages by position in `conversations`, one more than the limit where there are more. */
async function readChunk(
  deps: Deps,
  caller: Caller,
  { conversations, limit }: { conversations: readonly SyncRequest[]; limit: number },
): Promise<ReturnType<typeof toMessages>[]> {
  const wanted = conversations.flatMap((request, index) => {
    const pair = directPair(request.conversation_id ?? "", caller.userId);
    return pair === undefined ? [] : [{ ...pair, after: request.last_message_id ?? 0, index }];
  });
  const found: ReturnType<typeof toMessages>[] = [];
  if (wanted.length === 0) return found;
  for (const row of await deps.store.since(wanted, caller.userId, limit + 1)) {
    const request = wanted[row.ord - 1];
    if (request !== undefined) found[request.index] = toMessages(row, caller.userId, deps.views);
  }
  return found;
}

/** POST /api/messages/sync: a request that cannot be understood refuses the whole call. */
export async function postSync(
  deps: Deps,
  caller: Caller,
  body: { conversations?: readonly SyncRequest[] | null; limit?: number | null },
): Promise<{ count: number; results: SyncResult[] }> {
  const conversations = body.conversations ?? [];
  if (conversations.length === 0) throw new OmError("missing_conversations");
  if (conversations.length > limits.syncConversations) throw new OmError("too_many_conversations");
  if (conversations.some(({ conversation_id: name }) => (name ?? "").trim() === "")) {
    throw new OmError("invalid_conversation_id");
  }
  const wanted = body.limit ?? 0;
  const limit = wanted >= 1 && wanted <= limits.syncMessages ? wanted : 100;
  const results = await syncMessages(deps, caller, { conversations, limit });
  if (results.includes(undefined)) throw new OmError("sync_failed");
  return { count: results.length, results: results.filter((result) => result !== undefined) };
}
