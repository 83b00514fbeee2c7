import { LRUCache } from "lru-cache";
import type { Cache } from "../cache/cache.ts";
import type { Reads } from "../cache/recorder.ts";
import type { Loaded, Origin, Source } from "../cache/source.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { conversationKey, listKey, listLock } from "./cache-keys.ts";
import { refOf, type ConversationRef } from "./conversation-ref.ts";
import { jsonTime } from "./conversation-row.ts";
import { byActivity, applyToList } from "./list-fold.ts";
import { firstPage, someHeads, type GroupVersion, type ListedHead } from "./conversation-store.ts";

/** The first page of a user's list, as one version of it has it. */
export interface CachedList {
  userId: number;
  /** The list's version that was read; since then only direct conversations have changed it. */
  baseVer: number;
  /** There are more conversations than these. */
  isTruncated: boolean;
  /** All groups of the user. A message to a group changes nobody's list version, so each head is checked by its own. */
  groups: readonly GroupVersion[];
  heads: readonly ListedHead[];
}

/** Entries that are kept: a page of the usual size, and one that tells whether there is more. */
const maxHeads = 51;
/** Lists with more groups are read from the database every time. */
const maxGroups = 200;
/** Groups that one read may bring into the cache for the next. */
const maxWarmed = 20;
const format = "l4";

/** Of a head, in this order in a record. */
const fields = [
  "conversation_id",
  "lo",
  "hi",
  "group_id",
  "ver",
  "seq",
  "lo_read",
  "lo_delivered",
  "hi_read",
  "hi_delivered",
  "activity",
  "cleared_seq",
  "settings",
  "mentions",
  "unread",
  "group",
  "my_read_id",
  "my_delivered_id",
  "peer_read_id",
  "peer_delivered_id",
  "messages",
  "last_visible_id",
] as const satisfies readonly (keyof ListedHead)[];

/**
 * `convlist:{user}`, lock `user:{user}`; one record [format, user, cut?, groups, baseVer], then one per head, newest activity first, then what
 * happened in direct conversations since (list-fold.ts).
 */
export function listSource(db: Queries): Source<number, CachedList> {
  return {
    name: "convlist",
    ttlMs: 120_000,
    maxBytes: 512 * 1024,
    maxRecords: 2 * maxHeads,
    key: listKey,
    lock: listLock,
    load: (ids) =>
      Promise.all(
        ids.map(async (userId) => {
          const [row] = await db.query(firstPage, [userId, maxHeads + 1]);
          const heads = (row?.heads ?? []).map(withWireTimes);
          const [ver, groups] = [row?.ver ?? 0, row?.groups ?? []];
          const list = {
            userId,
            baseVer: ver,
            isTruncated: heads.length > maxHeads,
            groups,
            heads: heads.slice(0, maxHeads),
          };
          return { ver, value: list };
        }),
      ),
    records({ userId, baseVer, isTruncated, groups, heads }) {
      if (groups.length > maxGroups) return undefined;
      return [
        [format, userId, isTruncated, groups, baseVer],
        ...heads.map((head) => fields.map((field) => head[field])),
      ];
    },
    fold([first, ...rest]) {
      if (!Array.isArray(first) || first[0] !== format) return undefined;
      const [, userId, isTruncated, groups, baseVer] = first as [string, number, boolean, GroupVersion[], number];
      const isHead = (record: unknown): record is unknown[] => Array.isArray(record) && typeof record[0] === "number";
      const heads = rest
        .filter(isHead)
        .map((tuple) => Object.fromEntries(fields.map((field, index) => [field, tuple[index]])) as ListedHead);
      const known = new Map(heads.map((head) => [head.conversation_id, head]));
      for (const record of rest) if (!isHead(record) && !applyToList(known, record, userId)) return undefined;
      return { userId, baseVer, isTruncated, groups, heads: heads.sort(byActivity) };
    },
  };
}

function withWireTimes(head: ListedHead): ListedHead {
  return { ...head, activity: jsonTime(head.activity) };
}

/** The beginning of a list. */
export interface ListPage {
  ver: number;
  heads: ListedHead[];
  /** The one after these; undefined: there is none. */
  next: ListedHead | undefined;
  /** The database was asked for the list or for some of its heads, or was not. */
  from: Origin;
}

/** A user's list, newest activity first. */
export interface FetchList {
  /** Up to `limit` heads; undefined: what is kept does not tell. */
  (reads: Reads, userId: number, limit: number): Promise<ListPage | undefined>;
}

type ChangedHeads = Pick<ListPage, "heads" | "from">;

interface Overlay {
  /** In another epoch a version may mean something else. */
  epoch: number;
  listVer: number;
  head: ListedHead;
}

/** What overlays may take of the memory, in bytes, as far as texts tell. */
const overlayBytes = 32 * 1024 * 1024;
const sizeOf = ({ head }: Overlay): number => 1_500 + 2 * (head.messages[0]?.[6].length ?? 0);

export function createFetchList(deps: {
  cache: Pick<Cache, "read" | "raiseFloor" | "state">;
  db: Queries;
  /** Histories of groups. */
  groups: Source<ConversationRef, unknown>;
}): FetchList {
  const list = listSource(deps.db);
  // Heads of groups that changed after a list was kept: by user and conversation, good for one version of the group and for those of the
  // list in which nothing happened to the user's membership.
  const overlays = new LRUCache<string, Overlay>({ maxSize: overlayBytes, sizeCalculation: sizeOf });

  /** Heads that the kept list has in an older version; undefined: the user has left one of their groups by now. */
  async function changedHeads(
    reads: Reads,
    { ver, value: { userId, baseVer, groups } }: Loaded<CachedList>,
  ): Promise<ChangedHeads | undefined> {
    if (groups.length === 0) return { heads: [], from: "cache" };
    const { epoch } = deps.cache.state();
    const versions = await reads.versions(
      deps.groups,
      groups.map(([, groupId]) => ({ groupId })),
    );
    const changed = groups.flatMap(([id, groupId, known], index) =>
      versions[index] === known ? [] : [{ id, groupId, now: versions[index] }],
    );
    const heads: ListedHead[] = [];
    const asked = changed.filter(({ id, now }) => {
      const overlay = overlays.get(`${userId}/${id}`);
      const isGood =
        overlay?.epoch === epoch && overlay.head.ver === now && overlay.listVer >= baseVer && overlay.listVer <= ver;
      if (isGood) heads.push(overlay.head);
      return !isGood;
    });
    if (asked.length === 0) return { heads, from: "cache" };
    const cold = asked.filter(({ now }) => now === undefined).slice(0, maxWarmed);
    // In the background, so that their versions can be asked for next time.
    deps.cache.read(deps.groups, cold).catch(() => undefined);
    const [row] = await deps.db.query(someHeads, [userId, asked.map(({ id }) => id)]);
    const found = (row?.heads ?? []).map(withWireTimes);
    if (found.length < asked.length) return undefined;
    for (const head of found) {
      overlays.set(`${userId}/${head.conversation_id}`, { epoch, listVer: row?.ver ?? 0, head });
      heads.push(head);
    }
    return { heads, from: "database" };
  }

  return async (reads, userId, limit) => {
    if (limit >= maxHeads) return undefined;
    const [found] = await reads.read(list, [userId]);
    if (found === undefined) return undefined;
    const { isTruncated, groups } = found.value;
    const fresh: ChangedHeads = { heads: [], from: "database" };
    const changed = found.from === "database" ? fresh : await changedHeads(reads, found);
    if (changed === undefined) return undefined;
    // A message to a group changes nobody's list version: what is shown is as good as the groups' versions that it was made of.
    const shown = changed.heads.map(({ conversation_id: id, group_id: groupId, ver }) => [id, groupId, ver] as const);
    for (const [, groupId, ver] of found.from === "database" ? groups : shown) {
      if (groupId !== null) reads.record(deps.groups, { groupId }, ver);
    }
    const certain = merge(found.value, changed.heads);
    if (isTruncated && certain.length <= limit) return undefined;
    const page = certain.slice(0, limit);
    // A group's head may have been read past the cache, and its history must not be older then.
    for (const head of page) deps.cache.raiseFloor(conversationKey(refOf(head)), head.ver);
    return { ver: found.ver, heads: page, next: certain[limit], from: changed.from };
  };
}

/** The heads of a list, some of them in a newer version, as far down as the list tells. */
function merge({ isTruncated, heads }: CachedList, changed: readonly ListedHead[]): ListedHead[] {
  const replaced = new Set(changed.map((head) => head.conversation_id));
  const all = [...heads.filter((head) => !replaced.has(head.conversation_id)), ...changed].sort(byActivity);
  const last = heads.at(-1);
  // Below the last one that was kept there may be others that nobody knows here.
  return isTruncated && last !== undefined ? all.filter((head) => byActivity(head, last) <= 0) : all;
}
