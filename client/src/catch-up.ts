import type { Conversation, Face, GroupChange, RouteOutput } from "@om/protocol";
import { OmApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import type { Progress } from "./sequencer.ts";
import type { Tracker } from "./tracker.ts";

/** `all`: a conversation that the device does not know is read from its beginning, at the very first connect too. */
export type CatchUpMode = "all" | "since-known";

interface Deps {
  api: Api;
  tracker: Tracker;
  mode: CatchUpMode;
  signal: AbortSignal;
  /** A conversation that changed, after its messages were emitted. */
  head(conversation: Conversation): void;
  /** A group that was followed and that the user is no longer in. */
  left(conversationId: string): void;
  /** What a group says of itself changed, or who is in it. */
  group(change: GroupChange): void;
  face(face: Face): void;
  /** Faces may have changed of which nothing was told. */
  facesUnknown(): void;
  blocked(userIds: readonly number[]): void;
  /** The server is another one, or was restored from a copy: what the device knows may differ from what it has. */
  reset(): void;
  onError(error: unknown): void;
}

/** What is known of a catch-up as a whole. */
interface At {
  first: boolean;
  reset: boolean;
}

/**
 * Reads everything that changed since `cursor` ("" at the very first connect) and tells the tracker. A conversation that is not
 * known began since then and is read from its beginning, a group from where the user joined or has read; at the very first connect
 * it may be old and long, so the device starts at its head.
 * @returns the next cursor, which is good because all of it was applied
 */
export async function catchUp(deps: Deps, cursor: string): Promise<string> {
  const { tracker } = deps;
  const unlisted = new Set(tracker.all().map(([id]) => id));
  const at = { first: cursor === "", reset: false };
  let since = cursor;
  let next: string | undefined;
  let after: number | undefined;
  do {
    const page = await fetchChanges(deps, since, after);
    since = page.since;
    // Only what was so before everything was read may be relied on later.
    next ??= page.cursor;
    if (page.reset && !at.reset) deps.reset();
    at.reset ||= page.reset;
    leave(deps, page.removed);
    for (const { conversation_id: id, ...rewound } of page.rewound ?? []) rewind(tracker, id, rewound);
    for (const conversation of page.conversations) {
      unlisted.delete(conversation.conversation_id);
      await fetchConversation(deps, conversation, at);
    }
    tellOthers(deps, page, at);
    after = page.next;
  } while (after !== undefined);
  if (at.reset) leave(deps, unlisted);
  // A late push of a group that the user has left begins a conversation that the server does not list.
  tracker.forget([...unlisted].filter((id) => at.reset || isNew(tracker, id)));
  tracker.caughtUp();
  return next;
}

/** What the device has beyond is of a time that the server does not know. */
function rewind(tracker: Tracker, id: string, to: Progress): void {
  const known = tracker.progress(id);
  if (known !== undefined && (known.ver > to.ver || known.seq > to.seq)) tracker.rewind(id, to);
}

/** What is no conversation. Older servers say nothing of it. */
function tellOthers(deps: Deps, { groups, users, blocked }: RouteOutput<"changes">, { first }: At): void {
  for (const group of groups ?? []) deps.group(group);
  for (const face of users ?? []) deps.face(face);
  if (users === null && !first) deps.facesUnknown();
  if (blocked !== undefined) deps.blocked(blocked);
}

function leave({ tracker, left }: Deps, conversationIds: Iterable<string>): void {
  for (const id of conversationIds) {
    if (!id.startsWith("group_") || tracker.progress(id) === undefined) continue;
    const wasFollowed = !isNew(tracker, id);
    tracker.forget([id]);
    if (wasFollowed) left(id);
  }
}

/** Nothing was emitted of it yet, but changes may wait for what came before them. */
function isNew(tracker: Tracker, conversationId: string): boolean {
  return (tracker.progress(conversationId)?.ver ?? 0) === 0;
}

/** A cursor that the server cannot read is as good as none, but for what it says: this device has been here before. */
async function fetchChanges(deps: Deps, since: string, after: number | undefined) {
  const { api, signal } = deps;
  try {
    return { ...(await api.changes({ query: { cursor: since, after }, signal })), since };
  } catch (error) {
    if (!(error instanceof OmApiError) || error.code !== "invalid_cursor" || since === "") throw error;
    return { ...(await api.changes({ query: { after }, signal })), since: "", reset: true };
  }
}

async function fetchConversation(deps: Deps, conversation: Conversation, at: At): Promise<void> {
  const { tracker } = deps;
  const id = conversation.conversation_id;
  if (at.reset) rewind(tracker, id, conversation);
  try {
    if (deps.mode === "since-known" && isNew(tracker, id)) await begin(deps, conversation, at);
    const since = tracker.head(conversation);
    if (since !== undefined) await fetchMessages(deps, conversation, since);
  } catch (error) {
    if (!(error instanceof OmApiError) || error.retry || error.status === 401) throw error;
    // The server will not show it, however often it is asked: the others must not wait for that.
    deps.onError(error);
    tracker.start(id, conversation);
  }
  deps.head(conversation);
}

/** Passes by what is not new to the user although it is new to the device. */
async function begin({ api, tracker, signal }: Deps, head: Conversation, at: At): Promise<void> {
  const { conversation_id: id, group, my_position, last_message: last } = head;
  const { read_message_id: read } = my_position;
  if (at.first || (group !== null && read > 0 && (last === null || last.id <= read))) return tracker.start(id, head);
  if (group === null || read === 0) return;
  const page = await api.groupHistory({ params: { id: group.id }, query: { cursor: read + 1, limit: 1 }, signal });
  const [message] = page.messages;
  // An edit or a reaction has moved a message's version beyond those of later ones; no message is of a version below its place.
  if (message !== undefined)
    tracker.start(id, {
      ver: message.version === 1 && message.reactions === undefined ? message.ver : message.seq,
      seq: message.seq,
    });
}

async function fetchMessages({ api, tracker, signal }: Deps, head: Conversation, since: number): Promise<void> {
  const id = head.conversation_id;
  for (let ver: number | undefined = since; ver !== undefined;) {
    const page: Awaited<ReturnType<Api["messageChanges"]>> = await api.messageChanges({
      query: { conversation_id: id, ver },
      signal,
    });
    const last = page.next_ver === undefined;
    tracker.page(id, { messages: page.messages, deleted: page.deleted, upTo: page.next_ver ?? head.ver, last });
    ver = page.next_ver;
  }
}
