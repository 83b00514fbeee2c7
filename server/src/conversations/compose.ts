import type { Profiles } from "../accounts/profile-cache.ts";
import type { UserViews } from "../accounts/user-view.ts";
import type { Cache } from "../cache/cache.ts";
import type { Source } from "../cache/source.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { keptAnswer } from "../cache/answers.ts";
import type { ConversationRef } from "./conversation-ref.ts";
import { conversationStore } from "./conversation-store.ts";
import { countUnread } from "./count-unread.ts";
import { createFetchList } from "./list-cache.ts";
import { keepConversation } from "./keep-conversation.ts";
import { listChanges } from "./list-changes.ts";
import { listConversations } from "./list-conversations.ts";
import { listPeers } from "./list-peers.ts";
import { markRead, type AdvancePosition } from "./mark-read.ts";
import { settingsStore } from "./settings-store.ts";
import { unreadSource } from "./unread-cache.ts";

export interface Conversations {
  routes: RoutesOf<"conversations">;
  /** Keeps the resume point close to the present. */
  markDurable: () => Promise<unknown>;
}

export function composeConversations(deps: {
  db: Database;
  cache: Cache;
  bus: Bus;
  views: UserViews;
  profiles: Profiles;
  telemetry: Pick<Telemetry, "queried">;
  advance: AdvancePosition;
  /** Histories of groups in the cache, whose versions tell whether a list's heads are still the newest. */
  groups: Source<ConversationRef, unknown>;
}): Conversations {
  const { db, cache, bus, views, profiles, advance, groups } = deps;
  const settings = settingsStore(cache.writes);
  const store = conversationStore(db, cache.raiseFloor);
  const fetchList = createFetchList({ cache, db, groups });
  const lists = { store, views, profiles, fetchList, onQueried: deps.telemetry.queried };
  const keep = keptAnswer(cache.answers);
  const unread = { store, unread: unreadSource(db) };
  return {
    markDurable: () => store.markDurable(),
    routes: {
      conversations: (request) =>
        keep("conversations", request, (reads) => listConversations(lists, request.caller, request.query, reads)),
      unread: (request) =>
        keep("unread", request, (reads) => countUnread(unread, request.caller, request.params.conversation_id, reads)),
      peers: ({ caller, query }) => listPeers({ store, views }, caller, query),
      markRead: ({ caller, params }) => markRead(advance, caller, params.peer_id),
      keepConversation: ({ caller, params, body }) =>
        keepConversation({ settings, bus }, caller, { name: params.conversation_id, body }),
      changes: ({ caller, query }) => listChanges({ store, views }, caller, query),
    },
  };
}
