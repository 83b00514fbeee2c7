import { setTimeout as delay } from "node:timers/promises";
import { blockStore } from "./accounts/block-store.ts";
import { blockUser, listBlocks, unblockUser } from "./accounts/blocks.ts";
import type { UserViews } from "./accounts/user-view.ts";
import type { Cache } from "./cache/cache.ts";
import { composeReads, type Reads } from "./compose-reads.ts";
import type { Config } from "./config.ts";
import { conversationStore } from "./conversations/conversation-store.ts";
import { countUnread } from "./conversations/count-unread.ts";
import { memberPart, readGroupId } from "./conversations/group-part.ts";
import { listChanges } from "./conversations/list-changes.ts";
import { listConversations } from "./conversations/list-conversations.ts";
import { listPeers } from "./conversations/list-peers.ts";
import { markRead, type MovePosition } from "./conversations/mark-read.ts";
import { createLanes, type Lanes } from "./conversations/write-lanes.ts";
import type { Bus } from "./delivery/bus.ts";
import type { Hub } from "./delivery/hub.ts";
import type { Handlers } from "./http/handlers.ts";
import { deleteMessage, editMessage } from "./messages/change-message.ts";
import type { HistoryPosts } from "./messages/batch-changes.ts";
import { attachmentStore, readableAttachments, type AttachmentStore } from "./media/attachment-store.ts";
import { borrowedKey, isOurMedia } from "./media/media-keys.ts";
import { chatFrame } from "./messages/chat-frame.ts";
import { deleteConversation } from "./messages/delete-conversation.ts";
import { groupReadFrame } from "./messages/group-read-frame.ts";
import { lifeStore } from "./messages/life-store.ts";
import { listMessageChanges } from "./messages/list-message-changes.ts";
import { messageStore } from "./messages/message-store.ts";
import { createPageJson } from "./messages/page-json.ts";
import { pendingStore } from "./messages/pending-store.ts";
import { postGroupMessage, postMessage } from "./messages/post-message.ts";
import { groupReadState, readGroup } from "./messages/read-group.ts";
import { readGroupHistory, readHistory } from "./messages/read-history.ts";
import { readNews, readPending } from "./messages/read-pending.ts";
import { ackFrameIn, receipt } from "./messages/receipt-frames.ts";
import { sendMessage, type Draft, type SendRules, type Sent } from "./messages/send-message.ts";
import { syncFrame } from "./messages/sync-frame.ts";
import { postSync } from "./messages/sync-messages.ts";
import { createWriteBatch, type Write, type WriteResult } from "./messages/write-batch.ts";
import type { Caller } from "./platform/caller.ts";
import type { Storage } from "./open/open-storage.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { presenceStore } from "./presence/presence-store.ts";
import { typing } from "./presence/typing.ts";
import type { ReadBacklog } from "./websocket/backlog.ts";
import type { Proofs } from "./websocket/connection.ts";
import type { FrameHandlers } from "./websocket/frame-handlers.ts";

type ConversationRoutes = "conversations" | "unread" | "peers" | "markRead" | "changes" | "deleteConversation";
type MessageRoutes = "history" | "send" | "sync" | "messageChanges" | "editMessage" | "deleteMessage";
type GroupMessageRoutes = "groupHistory" | "groupSend" | "groupRead" | "groupReadState";
type BlockRoutes = "block" | "unblock" | "blocks";

/** What the transports are given of conversations, messages, blocks and presence. */
export interface Features {
  routes: Pick<Handlers, ConversationRoutes | MessageRoutes | GroupMessageRoutes | BlockRoutes>;
  frames: FrameHandlers;
  backlog: ReadBacklog;
  proofs: Proofs;
  hub: Hub;
  lanes: Lanes<Write, WriteResult>;
  /** Keeps the resume point close to the present. */
  markDurable: () => Promise<unknown>;
}

export interface FeatureDeps {
  config: Config;
  storage: Storage;
  cache: Cache;
  bus: Bus;
  hub: Hub;
  views: UserViews;
  telemetry: Telemetry;
  /** What URLs of avatars and attachments begin with. */
  mediaBase: () => string;
}

/** What the use-cases of this file share. */
interface Parts {
  bus: Bus;
  views: UserViews;
  rules: SendRules;
  conversations: ReturnType<typeof conversationStore>;
  messages: ReturnType<typeof messageStore>;
  life: ReturnType<typeof lifeStore>;
  presence: ReturnType<typeof presenceStore>;
  blocks: ReturnType<typeof blockStore>;
  attachments: AttachmentStore;
  move: MovePosition;
  send: (caller: Caller, draft: Draft) => Promise<Sent>;
  reads: Reads;
  pageJson: ReturnType<typeof createPageJson>;
}

export function composeFeatures(deps: FeatureDeps): Features {
  const { config, storage, hub, views, telemetry } = deps;
  const { cache } = deps;
  const { exposeEmails } = config;
  const reads = composeReads({ cache, db: storage.db, exposeEmails, onQueried: telemetry.queried });
  const lanes = openLanes(deps, reads.posts);
  const { db } = storage;
  const rules: SendRules = {
    maxMessageLength: config.maxMessageLength,
    isMedia: (url) => isOurMedia(url, deps.mediaBase()),
    borrowed: (url, userId) => borrowedKey(url, deps.mediaBase(), userId),
  };
  const parts: Parts = {
    bus: deps.bus,
    views,
    rules,
    conversations: conversationStore(db, cache.seen),
    messages: messageStore(db, cache.seen),
    life: lifeStore(deps.cache.writes, reads.posts),
    presence: presenceStore(db),
    blocks: blockStore(db, deps.cache.writes),
    reads,
    pageJson: createPageJson(views),
    attachments: attachmentStore(db),
    async move(wish) {
      const result = await lanes.run(wish.userId, { kind: "advance", wish });
      return result !== undefined && "cleared" in result ? result : undefined;
    },
    send: (caller, draft) => telemetry.sends.observe(() => sendMessage({ lanes, rules }, caller, draft)),
  };
  const pending = { store: pendingStore(db), views };
  const { failure } = telemetry.sockets;
  return {
    hub,
    lanes,
    markDurable: () => parts.conversations.markDurable(),
    backlog: {
      messages: (userId, brought) => readPending({ ...pending, days: config.pendingDays }, userId, brought),
      news: (userId) => readNews(pending, userId),
    },
    proofs: {
      received: ({ userId }, messageId) => void parts.move({ userId, to: { messageId }, read: false }).catch(failure),
      told: ({ userId }, conversationId, ver) => void pending.store.told(userId, conversationId, ver).catch(failure),
    },
    routes: { ...composeRoutes(parts), ...composeGroupMessages(parts), ...composeBlocks(parts) },
    frames: composeFrames(parts),
  };
}

function openLanes({ config, storage, cache, bus, hub }: FeatureDeps, posts: HistoryPosts): Lanes<Write, WriteResult> {
  return createLanes({
    lanes: storage.kind === "embedded" ? 1 : config.sendLanes,
    maxBatch: 128,
    maxWaiting: 5_000,
    maxWaitMs: 10_000,
    now: Date.now,
    execute: createWriteBatch({
      writes: cache.writes,
      posts,
      bus,
      mayRead: readableAttachments,
      isOnline: hub.isOnline,
      afterAcks: (run) => void setImmediate(run),
      now: Date.now,
      pause: (ms) => delay(ms),
    }),
  });
}

function composeRoutes(parts: Parts): Pick<Handlers, ConversationRoutes | MessageRoutes> {
  const { bus, views, rules, life, move, send, reads, messages: store } = parts;
  const conversations = { store: parts.conversations, views };
  const unread = { cache: reads.cache, unread: reads.sources.unread, store: parts.conversations };
  const messages = { store, views };
  const change = { life, store, views, bus, rules, mayRead: parts.attachments.isVisible };
  return {
    conversations: ({ caller, query }) => listConversations({ ...conversations, ...reads }, caller, query),
    unread: ({ caller, params }) => countUnread(unread, caller, params["conversation_id"]),
    peers: ({ caller, query }) => listPeers(conversations, caller, query),
    markRead: ({ caller, params }) => markRead(move, caller, params["peer_id"]),
    changes: ({ caller, query }) => listChanges(conversations, caller, query),
    deleteConversation: ({ caller, params, query }) =>
      deleteConversation({ conversations: parts.conversations, life, bus }, caller, {
        name: params["conversation_id"],
        everyone: query["everyone"] === "true",
      }),
    history: async ({ caller, query }) => parts.pageJson(await readHistory({ ...messages, ...reads }, caller, query)),
    send: ({ caller, body }) => postMessage({ ...messages, send }, caller, body),
    sync: ({ caller, body }) => postSync(messages, caller, body),
    messageChanges: ({ caller, query }) => listMessageChanges(messages, caller, query),
    editMessage: ({ caller, params, body }) => editMessage(change, caller, { id: params["id"], body }),
    deleteMessage: ({ caller, params }) => deleteMessage(change, caller, params["id"]),
  };
}

function composeGroupMessages(parts: Parts): Pick<Handlers, GroupMessageRoutes> {
  const { conversations, messages: store, views, move, send, reads, pageJson } = parts;
  const reading = { conversations, messages: store, move };
  return {
    async groupHistory({ caller, params, query }) {
      const groupId = readGroupId(params["id"]);
      return pageJson(await readGroupHistory({ store, views, ...reads }, caller, { groupId, query }));
    },
    async groupSend({ caller, params, body }) {
      const groupId = readGroupId(params["id"]);
      await memberPart(conversations, caller, groupId);
      return postGroupMessage({ store, views, send }, caller, { groupId, body });
    },
    async groupRead({ caller, params, body }) {
      const messageId = body.last_read_message_id ?? 0;
      return readGroup(reading, caller, { groupId: readGroupId(params["id"]), messageId });
    },
    async groupReadState({ caller, params }) {
      return groupReadState(conversations, caller, readGroupId(params["id"]));
    },
  };
}

function composeBlocks({ blocks, views }: Parts): Pick<Handlers, BlockRoutes> {
  return {
    block: ({ caller, params }) => blockUser(blocks, caller, params["id"]),
    unblock: ({ caller, params }) => unblockUser(blocks, caller, params["id"]),
    blocks: ({ caller }) => listBlocks({ blocks, views }, caller),
  };
}

function composeFrames(parts: Parts): FrameHandlers {
  const { bus, conversations, messages, move, send, views } = parts;
  const reading = { conversations, messages, move };
  return {
    ping: (source) => source.reply({ type: "pong" }),
    pong: () => undefined,
    chat: async (source, payload) => source.reply(await chatFrame(send, source, payload)),
    ack: ({ caller }, payload) => ackFrameIn(move, caller, payload),
    delivery: ({ caller }, payload) => receipt(move, caller, { messageId: payload.message_id ?? 0, read: false }),
    read: ({ caller }, payload) => receipt(move, caller, { messageId: payload.message_id ?? 0, read: true }),
    group_read: ({ caller }, payload) =>
      groupReadFrame((who, asked) => readGroup(reading, who, asked), caller, payload),
    typing: ({ caller }, payload) => typing({ store: parts.presence, bus, now: Date.now }, caller, payload),
    async sync(source, payload) {
      for await (const frame of syncFrame({ store: messages, views }, source.caller, payload)) {
        source.reply(frame);
        await source.ready();
      }
    },
  };
}
