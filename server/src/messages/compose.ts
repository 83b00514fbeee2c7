import { setTimeout as delay } from "node:timers/promises";
import type { People } from "../accounts/profile-cache.ts";
import type { UserViews } from "../accounts/user-view.ts";
import type { Cache } from "../cache/cache.ts";
import type { Config } from "../config.ts";
import { conversationStore } from "../conversations/conversation-store.ts";
import { memberPart, readGroupId } from "../conversations/group-part.ts";
import { listSource } from "../conversations/list-cache.ts";
import type { MovePosition } from "../conversations/mark-read.ts";
import { memberSource } from "../conversations/member-cache.ts";
import { createLanes, type Lanes } from "../conversations/write-lanes.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Hub } from "../delivery/hub.ts";
import type { Caller } from "../platform/caller.ts";
import type { FrameHandlers } from "../platform/frame-handlers.ts";
import type { Database, Queries } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { HistoryPosts } from "./batch-changes.ts";
import type { MayRead } from "./borrowed-media.ts";
import { deleteMessage, editMessage } from "./change-message.ts";
import { chatFrame } from "./chat-frame.ts";
import { deleteConversation } from "./delete-conversation.ts";
import { groupReadFrame } from "./group-read-frame.ts";
import { historySource } from "./history-cache.ts";
import { lifeStore } from "./life-store.ts";
import { listMessageChanges } from "./list-message-changes.ts";
import { messageStore } from "./message-store.ts";
import { createPageJson } from "./page-json.ts";
import { pendingStore } from "./pending-store.ts";
import { postGroupMessage, postMessage } from "./post-message.ts";
import { groupReadState, readGroup } from "./read-group.ts";
import { readGroupHistory, readHistory, type HistoryDeps } from "./read-history.ts";
import { readNews, readPending } from "./read-pending.ts";
import { ackFrameIn, receipt } from "./receipt-frames.ts";
import { sendMessage, type Draft, type SendRules, type Sent } from "./send-message.ts";
import { syncFrame } from "./sync-frame.ts";
import { postSync } from "./sync-messages.ts";
import { createWriteBatch } from "./write-batch.ts";
import type { Write, WriteResult } from "./write.ts";

interface Deps {
  config: Pick<Config, "maxMessageLength" | "pendingDays" | "sendLanes">;
  db: Database;
  cache: Cache;
  bus: Bus;
  hub: Pick<Hub, "isOnline">;
  views: UserViews;
  people: People;
  telemetry: Pick<Telemetry, "queried" | "sends" | "sockets">;
  /** What media knows of the URLs that messages name. */
  media: Omit<SendRules, "maxMessageLength"> & {
    mayRead: MayRead;
    isVisible: (claim: { key: string; userId: number }) => Promise<boolean>;
  };
}

interface Parts extends Deps {
  conversations: ReturnType<typeof conversationStore>;
  store: ReturnType<typeof messageStore>;
  life: ReturnType<typeof lifeStore>;
  lanes: Lanes<Write, WriteResult>;
  rules: SendRules;
  reads: HistoryDeps;
  pageJson: ReturnType<typeof createPageJson>;
  move: MovePosition;
  send: (caller: Caller, draft: Draft) => Promise<Sent>;
}

/** Messages are sent through write lanes over either transport, and read by way of the cache. */
export function composeMessages(deps: Deps) {
  const parts = partsOf(deps);
  const { config, db, views, telemetry, lanes, move, reads } = parts;
  const pending = { store: pendingStore(db), views };
  const { failure } = telemetry.sockets;
  return {
    routes: routesOf(parts),
    frames: framesOf(parts),
    lanes,
    move,
    groups: reads.sources.group,
    backlog: {
      messages: (userId: number, brought: ReadonlyMap<number, number>) =>
        readPending({ ...pending, days: config.pendingDays }, userId, brought),
      news: (userId: number) => readNews(pending, userId),
    },
    proofs: {
      received: ({ userId }: Caller, messageId: number) =>
        void move({ userId, to: { messageId }, read: false }).catch(failure),
      told: ({ userId }: Caller, conversationId: number, ver: number) =>
        void pending.store.told(userId, conversationId, ver).catch(failure),
    },
  };
}

/** What is kept of messages in the cache, and what writers post there. */
export function cachedMessages(cache: Cache, db: Queries): { sources: HistoryDeps["sources"]; posts: HistoryPosts } {
  const sources = { conv: historySource(db, "conv"), group: historySource(db, "group"), member: memberSource(db) };
  const list = listSource(db);
  const posts: HistoryPosts = {
    conv: sources.conv,
    list,
    compact: (place) => cache.compact("groupId" in place ? sources.group : sources.conv, place),
    compactList: (userId) => cache.compact(list, userId),
  };
  return { sources, posts };
}

function partsOf(deps: Deps): Parts {
  const { config, db, cache, bus, hub, views, people, telemetry, media } = deps;
  const { sources, posts } = cachedMessages(cache, db);
  const lanes = createLanes<Write, WriteResult>({
    lanes: config.sendLanes,
    maxBatch: 128,
    maxWaiting: 5_000,
    maxWaitMs: 10_000,
    now: Date.now,
    execute: createWriteBatch({
      writes: cache.writes,
      posts,
      bus,
      mayRead: media.mayRead,
      isOnline: hub.isOnline,
      afterAcks: (run) => void setImmediate(run),
      now: Date.now,
      pause: (ms) => delay(ms),
    }),
  });
  const rules: SendRules = { ...media, maxMessageLength: config.maxMessageLength };
  const store = messageStore(db, cache.seen);
  return {
    ...deps,
    conversations: conversationStore(db, cache.seen),
    store,
    life: lifeStore(cache.writes, posts),
    lanes,
    rules,
    reads: { store, views, people, cache, sources, onQueried: telemetry.queried },
    pageJson: createPageJson(views),
    async move(wish) {
      const result = await lanes.run(wish.userId, { kind: "advance", wish });
      return result !== undefined && "cleared" in result ? result : undefined;
    },
    send: (caller, draft) => telemetry.sends.observe(() => sendMessage({ lanes, rules }, caller, draft)),
  };
}

function routesOf(parts: Parts): RoutesOf<"messages"> {
  const { bus, conversations, life, media, move, pageJson, reads, rules, send, store, views } = parts;
  const change = { life, store, views, bus, rules, mayRead: media.isVisible };
  return {
    history: async ({ caller, query }) => pageJson(await readHistory(reads, caller, query)),
    send: ({ caller, body }) => postMessage({ store, views, send }, caller, body),
    sync: ({ caller, body }) => postSync({ store, views }, caller, body),
    messageChanges: ({ caller, query }) => listMessageChanges({ store, views }, caller, query),
    editMessage: ({ caller, params, body }) => editMessage(change, caller, { id: params.id, body }),
    deleteMessage: ({ caller, params }) => deleteMessage(change, caller, params.id),
    deleteConversation: ({ caller, params, query }) =>
      deleteConversation({ conversations, life, bus }, caller, {
        name: params.conversation_id,
        everyone: query.everyone === "true",
      }),
    async groupHistory({ caller, params, query }) {
      const groupId = readGroupId(params.id);
      return pageJson(await readGroupHistory(reads, caller, { groupId, query }));
    },
    async groupSend({ caller, params, body }) {
      const groupId = readGroupId(params.id);
      await memberPart(conversations, caller, groupId);
      return postGroupMessage({ store, views, send }, caller, { groupId, body });
    },
    async groupRead({ caller, params, body }) {
      const messageId = body.last_read_message_id ?? 0;
      return readGroup({ conversations, messages: store, move }, caller, {
        groupId: readGroupId(params.id),
        messageId,
      });
    },
    groupReadState: async ({ caller, params }) => groupReadState(conversations, caller, readGroupId(params.id)),
  };
}

function framesOf({ conversations, store, move, send, views }: Parts) {
  const reading = { conversations, messages: store, move };
  return {
    chat: async (source, payload) => source.reply(await chatFrame(send, source, payload)),
    ack: ({ caller }, payload) => ackFrameIn(move, caller, payload),
    delivery: ({ caller }, payload) => receipt(move, caller, { messageId: payload.message_id ?? 0, read: false }),
    read: ({ caller }, payload) => receipt(move, caller, { messageId: payload.message_id ?? 0, read: true }),
    group_read: ({ caller }, payload) =>
      groupReadFrame((who, asked) => readGroup(reading, who, asked), caller, payload),
    async sync(source, payload) {
      for await (const frame of syncFrame({ store, views }, source.caller, payload)) {
        source.reply(frame);
        await source.ready();
      }
    },
  } satisfies Partial<FrameHandlers>;
}
