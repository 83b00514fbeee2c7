import type { Conversation } from "@om/protocol";
import { OmApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import type { Tracker } from "./tracker.ts";

/** `all`: a conversation that the device does not know is read from its beginning, at the very first connect too. */
export type CatchUpMode = "all" | "since-known";

interface Deps {
  api: Api;
  tracker: Tracker;
  mode: CatchUpMode;
  signal: AbortSignal;
  /** A conversation that changed, after its messages were told. */
  head(conversation: Conversation): void;
  /** The server is another one, or was restored from a copy: what the device knows may differ from what it has. */
  reset(): void;
  trouble(error: unknown): void;
}

/**
 * Reads everything that changed since `cursor` ("" at the very first connect) and tells the tracker. A conversation that is not
 * known began since then and is read from its beginning; at the very first connect it may be old and long, so the device starts
 * at its head.
 * @returns the next cursor, which is good because all of it was taken in
 */
export async function catchUp(deps: Deps, cursor: string): Promise<string> {
  const gone = new Set(deps.tracker.all().map(([id]) => id));
  const at = { first: cursor === "", reset: false };
  let since = cursor;
  let next: string | undefined;
  let after: number | undefined;
  do {
    const page = await readChanges(deps, since, after);
    since = page.since;
    // Only what was so before everything was read may be relied on later.
    next ??= page.cursor;
    if (page.reset && !at.reset) deps.reset();
    at.reset ||= page.reset;
    for (const conversation of page.conversations) {
      gone.delete(conversation.conversation_id);
      await readConversation(deps, conversation, at);
    }
    after = page.next;
  } while (after !== undefined);
  if (at.reset) deps.tracker.forget(gone);
  deps.tracker.caughtUp();
  return next;
}

/** A cursor that the server cannot read is as good as none, but for what it says: this device has been here before. */
async function readChanges(deps: Deps, since: string, after: number | undefined) {
  const { api, signal } = deps;
  try {
    return { ...(await api.changes({ query: { cursor: since, after }, signal })), since };
  } catch (error) {
    if (!(error instanceof OmApiError) || error.code !== "invalid_cursor" || since === "") throw error;
    return { ...(await api.changes({ query: { after }, signal })), since: "", reset: true };
  }
}

async function readConversation(
  deps: Deps,
  conversation: Conversation,
  at: { first: boolean; reset: boolean },
): Promise<void> {
  const { tracker } = deps;
  const id = conversation.conversation_id;
  const known = tracker.followed(id);
  if (known === undefined && at.first && deps.mode === "since-known") tracker.start(id, conversation);
  if (at.reset && known !== undefined && known.ver > conversation.ver) tracker.rewind(id, conversation);
  const since = tracker.head(conversation);
  try {
    if (since !== undefined) await readMessages(deps, conversation, since);
  } catch (error) {
    if (!(error instanceof OmApiError) || error.retry || error.status === 401) throw error;
    // The server will not show it, however often it is asked: the others must not wait for that.
    deps.trouble(error);
    tracker.start(id, conversation);
  }
  deps.head(conversation);
}

async function readMessages({ api, tracker, signal }: Deps, head: Conversation, since: number): Promise<void> {
  const id = head.conversation_id;
  for (let ver: number | undefined = since; ver !== undefined;) {
    const page: Awaited<ReturnType<Api["messageChanges"]>> = await api.messageChanges({
      query: { conversation_id: id, ver },
      signal,
    });
    const last = page.next_ver === undefined;
    tracker.page(id, { messages: page.messages, upTo: page.next_ver ?? head.ver, last });
    ver = page.next_ver;
  }
}
