import { limits, type RouteOutput, type RouteQuery } from "@om/protocol";
import type { Profiles } from "../accounts/profile-cache.ts";
import type { IsOnline, Profile } from "../accounts/user-view.ts";
import type { Reads } from "../cache/recorder.ts";
import type { OnQueried, Origin, Source } from "../cache/source.ts";
import { directRef, type ConversationRef } from "../conversations/conversation-ref.ts";
import type { ConversationRow } from "../conversations/conversation-row.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { MemberId, Membership } from "../conversations/member-cache.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit, wholeNumber } from "../platform/page-limit.ts";
import type { MessageDeps } from "./deps.ts";
import { pageOf, type History } from "./history.ts";

export interface HistoryDeps extends Pick<MessageDeps, "store" | "views"> {
  profiles: Profiles;
  sources: {
    conv: Source<ConversationRef, History>;
    group: Source<ConversationRef, History>;
    member: Source<MemberId, Membership>;
  };
  onQueried: OnQueried;
}

/** A page of the conversation with somebody. */
export async function fetchHistory(
  deps: HistoryDeps,
  caller: Caller,
  query: RouteQuery<"history">,
  reads: Reads,
): Promise<RouteOutput<"history">> {
  if ((query.recipient_id ?? "") === "") throw new OmError("missing_recipient");
  const peer = wholeNumber(query.recipient_id);
  if (peer === undefined) throw new OmError("invalid_recipient");
  return fetchPage(deps, caller, { ref: directRef(peer, caller.userId), query, reads });
}

/**
 * A page of a conversation, newest first, ids below the cursor (absent or 0: from the end), or around a message. A group's members see all of it, also what
 * was written before they joined.
 */
export async function fetchPage(
  deps: HistoryDeps,
  caller: Caller,
  { ref, query, reads }: { ref: ConversationRef; query: RouteQuery<"groupHistory">; reads: Reads },
): Promise<RouteOutput<"history">> {
  const before = wholeNumber(query.cursor || "0");
  const around = wholeNumber(query.around || "0");
  if (before === undefined || around === undefined) throw new OmError("invalid_cursor");
  const limit = pageLimit(query.limit, limits.historyPage, 50);
  const began = performance.now();
  const newest = before === 0 && around === 0 ? await newestPage(deps, caller, { ref, limit, reads }) : undefined;
  if (newest?.row === undefined) reads.bypass();
  const row = newest?.row ?? (await olderPage(deps.store, caller, { ref, before, around, limit }));
  deps.onQueried(newest?.row === undefined ? "database" : newest.from, performance.now() - began);
  if (row === undefined && "groupId" in ref) throw new OmError("not_group_member");
  const online = newest?.online ?? (await deps.views.lookup(row?.profiles ?? []));
  const messages = row === undefined ? [] : toMessages(row, caller.userId, deps.views, online);
  const last = messages.at(-1);
  return {
    count: messages.length,
    messages,
    ver: row?.ver ?? 0,
    ...(last === undefined ? {} : { next_cursor: last.id }),
  };
}

function olderPage(
  store: HistoryDeps["store"],
  { userId }: Caller,
  { ref, before, around, limit }: { ref: ConversationRef; before: number; around: number; limit: number },
): Promise<ConversationRow | undefined> {
  return around === 0
    ? store.history(ref, userId, { before, limit })
    : store.around(ref, userId, { id: around, limit });
}

/** From the cache, where the newest messages of active conversations are; without a row: the page goes further back. */
async function newestPage(
  { sources, profiles, views }: HistoryDeps,
  caller: Caller,
  { ref, limit, reads }: { ref: ConversationRef; limit: number; reads: Reads },
): Promise<{ row?: ConversationRow; online: IsOnline | undefined; from: Origin } | undefined> {
  const faces = (ids: number[]): Promise<[Profile[], IsOnline]> =>
    Promise.all([profiles.forViewer(reads, caller, ids), views.observe(reads, ids)]);
  const [clearedSeq, [found], both] = await Promise.all([
    clearedFor(ref, caller.userId, { reads, sources }),
    reads.read("groupId" in ref ? sources.group : sources.conv, [ref]),
    "groupId" in ref ? undefined : faces([ref.lo, ref.hi]),
  ]);
  const viewer = { userId: caller.userId, clearedSeq: clearedSeq ?? ownCleared(found?.value, caller.userId) };
  const row = found === undefined ? undefined : pageOf(found.value, viewer, limit);
  if (found === undefined) return undefined;
  if (row === undefined) return { online: both?.[1], from: found.from };
  const authors = row.messages.flatMap((tuple) => [tuple[3], tuple[11]?.[3]]).filter((id) => id !== undefined);
  const [authorProfiles, online] = both ?? (await faces([...new Set(authors)]));
  return { row: { ...row, profiles: authorProfiles }, online, from: found.from };
}

/** Of a group, for a member; undefined: the conversation itself tells. @throws OmError `not_group_member` */
async function clearedFor(
  ref: ConversationRef,
  userId: number,
  { reads, sources }: { reads: Reads; sources: HistoryDeps["sources"] },
): Promise<number | undefined> {
  if (!("groupId" in ref)) return undefined;
  const [member] = await reads.read(sources.member, [{ groupId: ref.groupId, userId }]);
  if (member?.value.isMember !== true) throw new OmError("not_group_member");
  return member.value.clearedSeq;
}

function ownCleared(history: History | undefined, userId: number): number {
  return history?.positions.find(([id]) => id === userId)?.[3] ?? 0;
}
