import {
  limits,
  type Message,
  type RouteBody,
  type RouteOutput,
  type SyncRequest,
  type SyncResult,
} from "@om/protocol";
import { parseWireId } from "../conversations/conversation-ref.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageDeps } from "./deps.ts";

type Deps = Pick<MessageDeps, "store" | "views">;
/** Conversations that one statement reads. */
const chunk = 40;

interface Asked {
  conversations: readonly SyncRequest[];
  limit: number;
  /** Of one conversation's messages, in UTF-16 units; one message may be longer. Default: as much as the answer takes. */
  maxText?: number;
}

/** Messages of one conversation; `isCut`: there are more, that were not read at once. */
interface Found {
  messages: Message[];
  isCut: boolean;
}

const textOf = ({ content, reply_to: reply }: Message): number => content.length + (reply?.content.length ?? 0);
const textOfAll = (messages: readonly Message[]): number => messages.reduce((sum, one) => sum + textOf(one), 0);

/**
 * What came after `last_message_id` in each conversation, oldest first; one result per request, in order, some at a time. A
 * conversation that the caller is not in gives an empty result, a malformed name `undefined`; what does not fit into one answer is
 * left for the next (`has_more`).
 */
export async function* syncMessages(
  deps: Deps,
  caller: Caller,
  { conversations, limit, maxText }: Asked,
): AsyncGenerator<(SyncResult | undefined)[]> {
  /** What may still go into one answer: messages, and characters of content. */
  const room = { messages: limits.syncTotalMessages, text: limits.syncTotalText };
  const isFull = (): boolean => room.messages <= 0 || room.text <= 0;
  const fit = (name: string, { messages, isCut }: Found): SyncResult => {
    const wasFull = isFull();
    const shown: Message[] = [];
    const least = maxText === undefined ? Number.NEGATIVE_INFINITY : room.text - maxText;
    for (const message of messages.slice(0, limit)) {
      if (isFull() || (shown.length > 0 && room.text - textOf(message) < least)) break;
      room.messages -= 1;
      room.text -= textOf(message);
      shown.push(message);
    }
    const last = shown.at(-1);
    return {
      conversation_id: name,
      has_more: wasFull || isCut || messages.length > shown.length,
      messages: shown,
      ...(last === undefined ? {} : { next_cursor: last.id }),
    };
  };
  const nothing: Found = { messages: [], isCut: false };
  for (let start = 0; start < conversations.length; start += chunk) {
    const part = conversations.slice(start, start + chunk);
    const found = isFull() ? [] : await readChunk(deps, caller, { conversations: part, limit });
    const results: (SyncResult | undefined)[] = [];
    for (const [index, request] of part.entries()) {
      const { conversation_id: name = "" } = request;
      let one = found[index] ?? nothing;
      while (maxText === undefined && one.isCut && one.messages.length < limit && textOfAll(one.messages) < room.text) {
        const last_message_id = one.messages.at(-1)?.id ?? 0;
        const asked = { conversations: [{ ...request, last_message_id }], limit: limit - one.messages.length };
        const [more = nothing] = await readChunk(deps, caller, asked);
        one = { messages: [...one.messages, ...more.messages], isCut: more.isCut };
      }
      results.push(/^(user|group)_\d+$/.test(name) ? fit(name, one) : undefined);
    }
    yield results;
  }
}

/** By position in `conversations`; one message more than the limit where there are more. */
async function readChunk(deps: Deps, caller: Caller, { conversations, limit }: Asked): Promise<Found[]> {
  const wanted = conversations.flatMap((request, index) => {
    const ref = parseWireId(request.conversation_id ?? "", caller.userId);
    return ref === undefined ? [] : [{ ref, after: request.last_message_id ?? 0, index }];
  });
  const found: Found[] = [];
  if (wanted.length === 0) return found;
  const rows = await deps.store.since(wanted, caller.userId, limit + 1);
  const online = await deps.views.lookup(rows.flatMap(({ profiles }) => profiles));
  for (const row of rows) {
    const request = wanted[row.ord - 1];
    const messages = toMessages(row, caller.userId, deps.views, online);
    if (request !== undefined) found[request.index] = { messages, isCut: row.is_cut };
  }
  return found;
}

/** POST /api/messages/sync: a request that cannot be understood refuses the whole call. */
export async function postSync(deps: Deps, caller: Caller, body: RouteBody<"sync">): Promise<RouteOutput<"sync">> {
  const conversations = body.conversations ?? [];
  if (conversations.length === 0) throw new OmError("missing_conversations");
  if (conversations.length > limits.syncConversations) throw new OmError("too_many_conversations");
  if (conversations.some(({ conversation_id: name }) => (name ?? "").trim() === "")) {
    throw new OmError("invalid_conversation_id");
  }
  const wanted = body.limit ?? 0;
  const limit = wanted >= 1 && wanted <= limits.syncMessages ? wanted : 100;
  const results: SyncResult[] = [];
  for await (const part of syncMessages(deps, caller, { conversations, limit })) {
    if (part.includes(undefined)) throw new OmError("sync_failed");
    results.push(...part.filter((one) => one !== undefined));
  }
  return { count: results.length, results };
}
