import { createPeople, type People } from "./accounts/profile-cache.ts";
import type { Cache } from "./cache/cache.ts";
import type { OnQueried, Source } from "./cache/source.ts";
import type { Place } from "./conversations/conversation-row.ts";
import { createReadList, listSource, type ReadList } from "./conversations/list-cache.ts";
import { memberSource } from "./conversations/member-cache.ts";
import { unreadSource, type UnreadId } from "./conversations/unread-cache.ts";
import type { HistoryPosts } from "./messages/batch-changes.ts";
import { historySource } from "./messages/history-cache.ts";
import type { HistoryDeps } from "./messages/read-history.ts";
import type { Queries } from "./platform/postgres/database.ts";

/** What is read through the cache, and what writers must know of it. */
export interface Reads {
  cache: Cache;
  people: People;
  readList: ReadList;
  sources: HistoryDeps["sources"] & { unread: Source<UnreadId, number> };
  posts: HistoryPosts;
  onQueried: OnQueried;
}

interface ReadDeps {
  cache: Cache;
  db: Queries;
  exposeEmails: boolean;
  onQueried: OnQueried;
}

export function composeReads({ cache, db, exposeEmails, onQueried }: ReadDeps): Reads {
  const sources = {
    conv: historySource(db, "conv"),
    group: historySource(db, "group"),
    member: memberSource(db),
    unread: unreadSource(db),
  };
  const list = listSource(db);
  const warm = (places: Place[]): void => void cache.read(sources.group, places).catch(() => undefined);
  return {
    cache,
    onQueried,
    sources,
    people: createPeople({ cache, db, exposeEmails }),
    readList: createReadList({ cache, db, list, groups: sources.group, warm }),
    posts: {
      history(place, what) {
        const source = "groupId" in place ? sources.group : sources.conv;
        return { source, ...what, compact: () => cache.compact(source, place) };
      },
      list: (userId, what) => ({ source: list, ...what, compact: () => cache.compact(list, userId) }),
    },
  };
}
