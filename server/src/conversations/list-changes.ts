import { limits, type Face, type GroupChange, type RouteOutput, type RouteQuery } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit, wholeNumber } from "../platform/page-limit.ts";
import type { ChangedRow, ConversationStore } from "./conversation-store.ts";
import { toConversation } from "./conversation-view.ts";

/**
 * What changed for the caller since a cursor `<epoch>.<transaction>`. The new cursor is taken before the rows are read, and only from
 * transactions that are all finished, so nothing can fall between two answers; repeats are harmless.
 */
export async function listChanges(
  deps: { store: ConversationStore; views: UserViews },
  caller: Caller,
  query: RouteQuery<"changes">,
): Promise<RouteOutput<"changes">> {
  const limit = pageLimit(query.limit, limits.changesPage, limits.changesPage);
  const after = wholeNumber(query.after ?? "0");
  if (after === undefined) throw new OmError("invalid_cursor");
  const asked = parseCursor(query.cursor);
  const now = await deps.store.resume(caller.userId, asked, after > 0 ? undefined : limits.changedUsers);
  const page = { since: now.usable ? asked?.point : undefined, after, limit: limit + 1 };
  const rows = await deps.store.changed(caller.userId, page);
  const visible = rows.slice(0, limit);
  const last = visible.at(-1);
  const reset = asked !== undefined && !now.usable;
  const rewound = reset ? await deps.store.rewound(visible.map((row) => row.conversation_id)) : [];
  const online = await deps.views.lookup(visible.flatMap(({ profiles }) => profiles));
  const conversations = visible.map((row) => toConversation(row, caller.userId, deps.views, online));
  return {
    cursor: `${now.epoch}.${now.point}`,
    reset,
    conversations,
    ...(reset && {
      rewound: rewound.map(({ conversation_id: id, ...at }) => {
        const index = visible.findIndex((row) => row.conversation_id === id);
        return { conversation_id: conversations[index]?.conversation_id ?? "", ...at };
      }),
    }),
    removed: (now.removed ?? []).map((id) => `group_${id}`),
    groups: visible.flatMap((row) => groupChange(row, deps.views)),
    ...(after > 0 ? {} : { users: facesOf(now, deps.views) }),
    ...(now.blocked === null ? {} : { blocked: now.blocked }),
    ...(rows.length > limit && last !== undefined ? { next: last.conversation_id } : {}),
  };
}

function facesOf(
  { usable, people }: Awaited<ReturnType<ConversationStore["resume"]>>,
  views: UserViews,
): Face[] | null {
  if (!usable || (people ?? []).length > limits.changedUsers) return null;
  return (people ?? []).map((face) => ({ ...face, avatar: views.mediaUrl(face.avatar) }));
}

function groupChange({ group_change: change }: ChangedRow, views: UserViews): GroupChange[] {
  if (change === null || (!change.is_changed && change.members?.length === 0)) return [];
  const { is_changed: _isChanged, handle, icon, members, ...rest } = change;
  const told = members === null || members.length > limits.changedUsers ? null : members;
  return [{ ...rest, icon: views.mediaUrl(icon), ...(handle === null ? {} : { handle }), members: told }];
}

function parseCursor(text: string | undefined): { epoch: string; point: number } | undefined {
  if (text === undefined || text === "") return undefined;
  const [, epoch, point] = /^([0-9a-f]{32})\.(\d{1,16})$/.exec(text) ?? [];
  if (epoch === undefined || !Number.isSafeInteger(Number(point))) throw new OmError("invalid_cursor");
  return { epoch, point: Number(point) };
}
