import { limits, type RouteOutput, type RouteQuery } from "@om/protocol";
import type { Profiles } from "../accounts/profile-cache.ts";
import type { IsOnline, Profile, UserViews } from "../accounts/user-view.ts";
import type { Reads } from "../cache/recorder.ts";
import type { OnQueried, Origin } from "../cache/source.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit } from "../platform/page-limit.ts";
import type { ConversationStore, HeadRow, ListedHead, ListCursor } from "./conversation-store.ts";
import { toConversation } from "./conversation-view.ts";
import type { FetchList } from "./list-cache.ts";

/** The caller's conversations, newest activity first; the cursor pair names the last entry of the page before. */
export async function listConversations(
  deps: { store: ConversationStore; fetchList: FetchList; profiles: Profiles; views: UserViews; onQueried: OnQueried },
  caller: Caller,
  query: RouteQuery<"conversations">,
  reads: Reads,
): Promise<RouteOutput<"conversations">> {
  const limit = pageLimit(query.limit, limits.conversationsPage, 50);
  const before = parseCursor(query);
  const began = performance.now();
  const page = before === undefined ? await newestPage(deps, caller, { limit, reads }) : undefined;
  if (page === undefined) reads.bypass();
  const { rows, next, ver, from, ...known } = page ?? (await olderPage(deps.store, caller, { before, limit }));
  deps.onQueried(from, performance.now() - began);
  const online = known.online ?? (await deps.views.lookup(rows.flatMap((row) => row.profiles)));
  const conversations = rows.map((row) => toConversation(row, caller.userId, deps.views, online));
  const last = rows.at(-1);
  return {
    conversations,
    count: conversations.length,
    ...(ver === undefined ? {} : { list_ver: ver }),
    ...(last === undefined || next === undefined ? {} : cursorBetween(last, next)),
  };
}

interface Page {
  rows: HeadRow[];
  /** The entry after these; undefined: there is none. */
  next: Entry | undefined;
  /** Of the list; known for its first page. */
  ver?: number;
  /** Of whom it shows, if it was asked already. */
  online?: IsOnline;
  from: Origin;
}

/** Undefined: the first page is longer than what is kept of it. */
async function newestPage(
  { fetchList, profiles, views }: { fetchList: FetchList; profiles: Profiles; views: UserViews },
  caller: Caller,
  { limit, reads }: { limit: number; reads: Reads },
): Promise<Page | undefined> {
  const list = await fetchList(reads, caller.userId, limit);
  if (list === undefined) return undefined;
  const ids = list.heads
    .flatMap(({ lo, hi, messages }) => [lo, hi, messages[0]?.[3]])
    .filter((id) => typeof id === "number");
  const [found, online] = await Promise.all([profiles.forViewer(reads, caller, ids), views.observe(reads, ids)]);
  const byId = new Map(found.map((profile) => [profile.id, profile]));
  const rows = list.heads.map((head) => ({ ...head, profiles: profilesOf(head, byId) }));
  return { rows, next: list.next, ver: list.ver, online, from: list.from };
}

/** Whom an entry shows: both people, and who wrote the last message. */
function profilesOf({ lo, hi, messages }: ListedHead, profiles: ReadonlyMap<number, Profile>): Profile[] {
  const ids = new Set([lo, hi, messages[0]?.[3]]);
  return [...ids].flatMap((id) => profiles.get(id ?? 0) ?? []);
}

async function olderPage(
  store: ConversationStore,
  caller: Caller,
  { before, limit }: { before: ListCursor | undefined; limit: number },
): Promise<Page> {
  const rows = await store.list(caller.userId, before, limit + 1);
  const page: Page = { rows: rows.slice(0, limit), next: rows[limit], from: "database" };
  if (before !== undefined) return page;
  const ver = rows[0]?.list_ver ?? (await store.versionIfEmpty(caller.userId));
  // Somebody has written meanwhile: now there are rows, which tell the version.
  return ver === undefined ? olderPage(store, caller, { before, limit }) : { ...page, ver };
}

/**
 * In a cursor there are a time and the number of a message. Entries without a message come last of their time, and 0 stands below all
 * of them; where two of them changed at the same time, the place between them has the conversation's number above this one, which no
 * message has.
 */
const emptyGroupBase = 500_000_000_000_000;

type Entry = Pick<HeadRow, "activity" | "conversation_id" | "messages">;

function cursorBetween(
  last: Entry,
  next: Entry,
): Pick<RouteOutput<"conversations">, "next_cursor_created_at" | "next_cursor_message_id"> {
  const isTied = next.activity === last.activity;
  const messageId = last.messages[0]?.[0] ?? (isTied ? emptyGroupBase + last.conversation_id : 0);
  return { next_cursor_created_at: last.activity, next_cursor_message_id: messageId };
}

function parseCursor(query: RouteQuery<"conversations">): ListCursor | undefined {
  const at = query.cursor_created_at;
  if (at === undefined || at === "") return undefined;
  const rfc3339 =
    /^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
  // Date.parse refuses days that a month does not have only if it rolls over; compare the day to be sure.
  const day = new Date(`${at.slice(0, 10)}T00:00:00Z`);
  if (!rfc3339.test(at) || Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== at.slice(0, 10)) {
    throw new OmError("invalid_cursor_created_at");
  }
  const id = query.cursor_message_id ?? "";
  if (!/^\d{1,15}$/.test(id)) throw new OmError("invalid_cursor_message_id");
  const number = Number(id);
  return number > emptyGroupBase
    ? { at, messageId: 0, conversationId: number - emptyGroupBase }
    : { at, messageId: number, conversationId: 0 };
}
