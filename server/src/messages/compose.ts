import { setTimeout as delay } from "node:timers/promises";
import { blockedAmong } from "../accounts/block-store.ts";
import type { Profiles } from "../accounts/profile-cache.ts";
import type { UserViews } from "../accounts/user-view.ts";
import type { Cache } from "../cache/cache.ts";
import { keptAnswer } from "../cache/answers.ts";
import type { Config } from "../config.ts";
import { createReadGathering, type ReadGathering } from "../conversations/gather-reads.ts";
import { conversationStore } from "../conversations/conversation-store.ts";
import { listSource } from "../conversations/list-cache.ts";
import { memberSource } from "../conversations/member-cache.ts";
import type { PositionUpdate } from "../conversations/position-store.ts";
import { createLanes, type Lanes } from "../conversations/write-lanes.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Hub } from "../delivery/hub.ts";
import type { Caller } from "../platform/caller.ts";
import { monotonic } from "../platform/clock.ts";
import type { FrameHandlers } from "../platform/frame-handlers.ts";
import { createGathering } from "../platform/gathering.ts";
import { parseId } from "../platform/page-limit.ts";
import { OmError } from "../platform/om-error.ts";
import { createSemaphore, createSemaphores } from "../platform/semaphore.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { DatabaseUnavailable, type Database, type Queries } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { PostTargets } from "./cache-changes.ts";
import type { CanReadAttachments } from "./authorize-attachments.ts";
import { deleteMessage, editMessage } from "./change-message.ts";
import { eraseAtOnce, eraseDeleted } from "./erase-deleted.ts";
import { deleteConversation } from "./delete-conversation.ts";
import type { MessageDeps } from "./deps.ts";
import { historySource } from "./history-cache.ts";
import { handleAck, handleChat, handleGroupRead, handleReceipt, handleSync } from "./handle-frames.ts";
import { revisionStore } from "./revision-store.ts";
import { listReaders } from "./list-readers.ts";
import { listMessageChanges } from "./list-message-changes.ts";
import { messageStore } from "./message-store.ts";
import { reactToMessage } from "./react-to-message.ts";
import { reactionStore, type ReactionStore } from "./reaction-store.ts";
import { missedStore } from "./missed-store.ts";
import { readersCache } from "./readers-cache.ts";
import { readerStore } from "./reader-store.ts";
import { pendingStore, type PendingOf } from "./pending-store.ts";
import { postGroupMessage, postMessage } from "./post-message.ts";
import { fetchGroupReadState, markGroupRead } from "./mark-group-read.ts";
import { fetchHistory, fetchPage, type HistoryDeps } from "./fetch-history.ts";
import { fetchPendingRevisions, fetchPending } from "./fetch-pending.ts";
import { indexMessages } from "./index-messages.ts";
import { searchMessages } from "./search-messages.ts";
import { searchStore } from "./search-store.ts";
import { sendMessage, type SendRules } from "./send-message.ts";
import { createMissedPushes } from "./push-missed.ts";
import { postSync } from "./sync-messages.ts";
import { createWriteBatch } from "./write-batch.ts";
import type { Write, WriteResult } from "./write.ts";

/** Writes that commit together at the most. */
const maxBatch = 128;

interface Deps {
  config: Pick<Config, "eraseAfterDays" | "maxMessageLength" | "pendingDays" | "sendLanes">;
  db: Database;
  cache: Cache;
  bus: Bus;
  hub: Pick<Hub, "isOnline" | "deliver">;
  redis: Redis | undefined;
  views: UserViews;
  profiles: Profiles;
  telemetry: Pick<Telemetry, "queried" | "sends" | "sockets">;
  /** What media knows of the URLs that messages name. */
  media: Omit<SendRules, "maxMessageLength"> & {
    canReadAttachments: CanReadAttachments;
    canRead: (attachment: { key: string; userId: number }) => Promise<boolean>;
  };
  /** Removes files that no message names any more. */
  sweepFiles: () => Promise<unknown>;
}

interface Parts extends Deps, MessageDeps, HistoryDeps {
  views: UserViews;
  bus: Bus;
  profiles: Profiles;
  cache: Cache;
  lanes: Lanes<Write, WriteResult>;
  reads: ReadGathering;
  reactions: ReactionStore;
  eraseDeleted: () => Promise<void>;
}

/** Messages are sent through write lanes over either transport, and read by way of the cache. */
export function composeMessages(deps: Deps) {
  const parts = partsOf(deps);
  const { config, db, views, telemetry, lanes, advance } = parts;
  const pending = { store: pendingStore(db), views };
  const missed = createMissedPushes({ ...parts, missed: missedStore(db) });
  const { failure } = telemetry.sockets;
  // Those of thousands come at once when they connect and when they are pinged, and nobody waits for them.
  let lane = 0;
  const proofs = createGathering<PositionUpdate>({
    waitMs: 100,
    most: maxBatch,
    take(updates) {
      lane += 1;
      for (const update of updates) void lanes.run(lane, { kind: "advance", update }).catch(failure);
    },
  });
  return {
    routes: routesOf(parts),
    frames: framesOf(parts),
    lanes,
    /** Resolves when everything that was taken is committed. */
    async idle(): Promise<void> {
      proofs.flush();
      await lanes.idle();
      await parts.reads.flush();
    },
    advance,
    erase: parts.erase,
    groups: parts.sources.group,
    missed,
    jobs: [
      { everyMs: 10_000, name: "missed messages", work: missed.sweep },
      { everyMs: 60_000, name: "erasures", work: parts.eraseDeleted },
      { everyMs: 2_000, name: "search index", work: () => indexMessages(db) },
    ],
    backlog: {
      messages: inBatches((of: PendingOf[]) => fetchPending({ ...pending, days: config.pendingDays }, of)),
      revisions: inBatches((userIds: number[]) => fetchPendingRevisions(pending, userIds)),
    },
    deliveries: {
      messages: ({ userId }: Caller, messageId: number) => proofs.add({ userId, to: { messageId }, read: false }),
      revisions: ({ userId }: Caller, conversationId: number, ver: number) =>
        void pending.store.advanceDeliveredVer(userId, conversationId, ver).catch(failure),
    },
  };
}

/** Sockets that connect while others are read for wait for the next statement, which reads for all of them; two go side by side. */
function inBatches<Item, Result>(fetch: (items: Item[]) => Promise<Result[]>): (item: Item) => Promise<Result> {
  const execute = (items: Item[]): Promise<Result[]> =>
    fetch(items).catch((error: unknown) => {
      // Not tried again for each alone, as after other failures.
      throw error instanceof DatabaseUnavailable ? new OmError("unavailable") : error;
    });
  const waits = { maxWaiting: 50_000, maxWaitMs: 30_000, now: monotonic };
  const lanes = createLanes({ lanes: 2, maxBatch: 50, ...waits, execute });
  let next = 0;
  return (item) => lanes.run(next++, item);
}

/** What is kept of messages in the cache, and what writers post there. */
export function cachedMessages(cache: Cache, db: Queries): { sources: HistoryDeps["sources"]; posts: PostTargets } {
  const sources = { conv: historySource(db, "conv"), group: historySource(db, "group"), member: memberSource(db) };
  const list = listSource(db);
  const posts: PostTargets = {
    history(ref, what) {
      const source = "groupId" in ref ? sources.group : sources.conv;
      return { source, ...what, compact: () => cache.compact(source, ref) };
    },
    list: (userId, what) => ({ source: list, ...what, compact: () => cache.compact(list, userId) }),
  };
  return { sources, posts };
}

function partsOf(deps: Deps): Parts {
  const { config, db, cache, bus, hub, telemetry, media } = deps;
  const { sources, posts } = cachedMessages(cache, db);
  const reads = createReadGathering({ db, bus, failure: telemetry.sockets.failure });
  const lanes = createLanes<Write, WriteResult>({
    lanes: config.sendLanes,
    maxBatch,
    maxWaiting: 5_000,
    maxWaitMs: 10_000,
    now: monotonic,
    execute: createWriteBatch({
      writes: cache.writes,
      posts,
      bus,
      reads,
      canRead: media.canReadAttachments,
      views: deps.views,
      isOnline: hub.isOnline,
      afterAcks: (run) => void setImmediate(run),
      now: monotonic,
      pause: (ms) => delay(ms),
    }),
  });
  const store = messageStore(db, cache.raiseFloor);
  const firstAuthor = async (userId: number, messageId: number): Promise<number | undefined> => {
    const [original] = (await store.visible(messageId, userId))?.messages ?? [];
    return original?.[12]?.forwarded_from ?? original?.[3];
  };
  const rules: SendRules = { ...media, maxMessageLength: config.maxMessageLength };
  const erasing = { db, writes: cache.writes, days: config.eraseAfterDays, sweepFiles: deps.sweepFiles };
  return {
    ...deps,
    erase: async (of, atOnce) => {
      if (atOnce || config.eraseAfterDays === 0) await eraseAtOnce(erasing, of);
    },
    eraseDeleted: () => eraseDeleted(erasing),
    conversations: conversationStore(db, cache.raiseFloor),
    store,
    revisions: revisionStore(cache.writes, posts),
    reactions: reactionStore(cache.writes, posts),
    lanes,
    reads,
    rules,
    canRead: media.canRead,
    blockedAmong: (userId, others) => blockedAmong(db, userId, others),
    sources,
    onQueried: telemetry.queried,
    async advance(update) {
      const result = await lanes.run(update.userId, { kind: "advance", update });
      return result !== undefined && "newly_read" in result ? result : undefined;
    },
    send: (caller, draft) => telemetry.sends.observe(() => sendMessage({ lanes, rules, firstAuthor }, caller, draft)),
  };
}

function routesOf(parts: Parts): RoutesOf<"messages"> {
  const keep = keptAnswer(parts.cache.answers);
  // Large answers: a few of one person are made side by side.
  const syncs = createSemaphores({ parallel: 2, maxWaiting: 8 });
  // A search may be long, and the others need the pool as well.
  const searching = createSemaphore({ parallel: 3, maxWaiting: 200 });
  const search = { ...parts, search: searchStore(parts.db) };
  const store = readerStore(parts.db);
  const receipts = { store, readers: readersCache({ redis: parts.redis, store }) };
  const groupOf = (params: { id: string }): number => parseId(params.id, "invalid_group_id");
  return {
    history: (request) =>
      keep("history", request, (reads) => fetchHistory(parts, request.caller, request.query, reads)),
    send: ({ caller, body }) => postMessage(parts, caller, body),
    sync: ({ caller, body }) => syncs.run(caller.userId, () => postSync(parts, caller, body)),
    searchMessages: ({ caller, body }) => searching.run(() => searchMessages(search, caller, body), caller.userId),
    messageChanges: ({ caller, query }) => listMessageChanges(parts, caller, query),
    receipts: ({ caller, params, query }) => listReaders(receipts, caller, { id: params.id, query }),
    react: ({ caller, params, body }) => reactToMessage(parts, caller, { id: params.id, body }),
    editMessage: ({ caller, params, body }) => editMessage(parts, caller, { id: params.id, body }),
    deleteMessage: ({ caller, params }) => deleteMessage(parts, caller, params.id),
    deleteConversation: ({ caller, params, query }) =>
      deleteConversation(parts, caller, {
        name: params.conversation_id,
        everyone: query.everyone === "true",
        atOnce: query.at_once === "true",
      }),
    async groupHistory(request) {
      const { caller, params, query } = request;
      const ref = { groupId: groupOf(params) };
      return keep("groupHistory", request, (reads) => fetchPage(parts, caller, { ref, query, reads }));
    },
    groupSend: async ({ caller, params, body }) => postGroupMessage(parts, caller, { groupId: groupOf(params), body }),
    async groupRead({ caller, params, body }) {
      return markGroupRead(parts, caller, { groupId: groupOf(params), messageId: body.last_read_message_id ?? 0 });
    },
    groupReadState: async ({ caller, params }) => fetchGroupReadState(parts, caller, groupOf(params)),
  };
}

function framesOf(parts: Parts) {
  const { advance } = parts;
  return {
    chat: async (source, payload) => source.reply(await handleChat(parts, source, payload)),
    ack: ({ caller }, payload) => handleAck(advance, caller, payload),
    delivery: ({ caller }, payload) =>
      handleReceipt(advance, caller, { messageId: payload.message_id ?? 0, read: false }),
    read: ({ caller }, payload) => handleReceipt(advance, caller, { messageId: payload.message_id ?? 0, read: true }),
    group_read: ({ caller }, payload) =>
      handleGroupRead((who, asked) => markGroupRead(parts, who, asked), caller, payload),
    async sync(source, payload) {
      for await (const frame of handleSync(parts, source.caller, payload)) {
        source.reply(frame);
        await source.ready();
      }
    },
  } satisfies Partial<FrameHandlers>;
}
