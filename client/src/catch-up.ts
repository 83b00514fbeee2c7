import type { Conversation, Message } from "@om/protocol";
import type { Api } from "./api.ts";
import type { Followed } from "./sequencer.ts";

/** One conversation that changed, with the messages that this device lacks. */
export interface CaughtUp {
  conversation: Conversation;
  head: Followed;
  /** undefined: the device does not know the conversation and starts at its present. */
  messages: Message[] | undefined;
}

/**
 * Everything that changed since `cursor`, conversation by conversation. The generator's value is the next cursor, good only when
 * all of it was taken in.
 */
export async function* catchUp(
  api: Api,
  cursor: string,
  followed: (conversationId: string) => Followed | undefined,
): AsyncGenerator<CaughtUp, string> {
  let next = cursor;
  for (let after: number | undefined, first = true; first || after !== undefined; first = false) {
    const page = await api.call("changes", { query: { cursor, after } });
    if (first) next = page.cursor;
    // Without a usable cursor an unknown conversation may be old and long; with one it began since.
    const fromStart = cursor !== "" && !page.reset;
    for (const conversation of page.conversations) {
      const head = { ver: conversation.ver, seq: conversation.seq };
      const known = followed(conversation.conversation_id) ?? (fromStart ? { ver: 0, seq: 0 } : undefined);
      if (known === undefined) yield { conversation, head, messages: undefined };
      else if (known.ver < head.ver)
        yield { conversation, head, messages: await changedSince(api, conversation, known.ver) };
    }
    after = page.next;
  }
  return next;
}

async function changedSince(api: Api, { conversation_id }: Conversation, since: number): Promise<Message[]> {
  const messages: Message[] = [];
  for (let ver: number | undefined = since; ver !== undefined;) {
    const page: { messages: Message[]; next_ver?: number } = await api.call("messageChanges", {
      query: { conversation_id, ver },
    });
    messages.push(...page.messages);
    ver = page.next_ver;
  }
  return messages;
}
