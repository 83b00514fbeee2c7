import { setTimeout as delay } from "node:timers/promises";
import type { UserViews } from "./accounts/user-view.ts";
import type { Config } from "./config.ts";
import { conversationStore } from "./conversations/conversation-store.ts";
import { listChanges } from "./conversations/list-changes.ts";
import { listConversations } from "./conversations/list-conversations.ts";
import { listPeers } from "./conversations/list-peers.ts";
import { markRead, type MovePosition } from "./conversations/mark-read.ts";
import { createLanes, type Lanes } from "./conversations/write-lanes.ts";
import type { Bus } from "./delivery/bus.ts";
import type { Hub } from "./delivery/hub.ts";
import type { Handlers } from "./http/handlers.ts";
import { isOurMedia } from "./media/media-keys.ts";
import { chatFrame } from "./messages/chat-frame.ts";
import { listMessageChanges } from "./messages/list-message-changes.ts";
import { messageStore } from "./messages/message-store.ts";
import { postMessage } from "./messages/post-message.ts";
import { readHistory } from "./messages/read-history.ts";
import { readPending } from "./messages/read-pending.ts";
import { ackFrameIn, receipt } from "./messages/receipt-frames.ts";
import { sendMessage, type Draft, type Sent } from "./messages/send-message.ts";
import { syncFrame } from "./messages/sync-frame.ts";
import { postSync, type syncMessages } from "./messages/sync-messages.ts";
import { createWriteBatch, type Write, type WriteResult } from "./messages/write-batch.ts";
import type { Caller } from "./platform/caller.ts";
import type { Storage } from "./open-storage.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { typing } from "./presence/typing.ts";
import type { ReadBacklog } from "./websocket/backlog.ts";
import type { FrameHandlers } from "./websocket/frame-handlers.ts";

type ConversationRoutes = "conversations" | "peers" | "markRead" | "changes";
type MessageRoutes = "history" | "send" | "sync" | "messageChanges";

/** What the transports are given of conversations, messages and presence. */
export interface Features {
  routes: Pick<Handlers, ConversationRoutes | MessageRoutes>;
  frames: FrameHandlers;
  backlog: ReadBacklog;
  proveReceipt: (caller: Caller, messageId: number) => void;
  hub: Hub;
  lanes: Lanes<Write, WriteResult>;
  /** Keeps the resume point close to the present. */
  markDurable: () => Promise<unknown>;
}

export interface FeatureDeps {
  config: Config;
  storage: Storage;
  bus: Bus;
  hub: Hub;
  views: UserViews;
  telemetry: Telemetry;
  /** What URLs of avatars and attachments begin with. */
  mediaBase: () => string;
}

export function composeFeatures(deps: FeatureDeps): Features {
  const { config, storage, bus, hub, views, telemetry } = deps;
  const lanes = createLanes<Write, WriteResult>({
    lanes: storage.kind === "embedded" ? 1 : config.sendLanes,
    maxBatch: 128,
    maxWaiting: 5_000,
    maxWaitMs: 10_000,
    now: Date.now,
    execute: createWriteBatch({
      db: storage.db,
      bus,
      isOnline: hub.isOnline,
      afterAcks: (run) => void setImmediate(run),
      now: Date.now,
      pause: (ms) => delay(ms),
    }),
  });
  const move: MovePosition = async (wish) => {
    const result = await lanes.run(wish.userId, { kind: "advance", wish });
    return result !== undefined && "cleared" in result ? result : undefined;
  };
  const rules = {
    maxMessageLength: config.maxMessageLength,
    isMedia: (url: string) => isOurMedia(url, deps.mediaBase()),
  };
  const send = (caller: Caller, draft: Draft): Promise<Sent> =>
    telemetry.sends.observe(() => sendMessage({ lanes, rules }, caller, draft));
  const messages = { store: messageStore(storage.db), views };
  const conversations = { store: conversationStore(storage.db), views };
  return {
    hub,
    lanes,
    markDurable: () => conversations.store.markDurable(),
    backlog: (userId, after) => readPending({ ...messages, days: config.pendingDays }, userId, after),
    proveReceipt: (caller, messageId) =>
      void move({ userId: caller.userId, to: { messageId }, read: false }).catch(telemetry.sockets.failure),
    routes: {
      conversations: ({ caller, query }) => listConversations(conversations, caller, query),
      peers: ({ caller, query }) => listPeers(conversations, caller, query),
      markRead: ({ caller, params }) => markRead(move, caller, params["peer_id"]),
      changes: ({ caller, query }) => listChanges(conversations, caller, query),
      history: ({ caller, query }) => readHistory(messages, caller, query),
      send: ({ caller, body }) => postMessage({ ...messages, send }, caller, body),
      sync: ({ caller, body }) => postSync(messages, caller, body),
      messageChanges: ({ caller, query }) => listMessageChanges(messages, caller, query),
    },
    frames: composeFrames({ bus, move, send, messages }),
  };
}

function composeFrames(deps: {
  bus: Bus;
  move: MovePosition;
  send: (caller: Caller, draft: Draft) => Promise<Sent>;
  messages: Parameters<typeof syncMessages>[0];
}): FrameHandlers {
  const { bus, move, send, messages } = deps;
  return {
    ping: (source) => source.reply({ type: "pong" }),
    pong: () => undefined,
    chat: async (source, payload) => source.reply(await chatFrame(send, source, payload)),
    ack: ({ caller }, payload) => ackFrameIn(move, caller, payload),
    delivery: ({ caller }, payload) => receipt(move, caller, { messageId: payload.message_id ?? 0, read: false }),
    read: ({ caller }, payload) => receipt(move, caller, { messageId: payload.message_id ?? 0, read: true }),
    typing: ({ caller }, payload) => typing({ bus, now: Date.now }, caller, payload),
    async sync(source, payload) {
      for (const frame of await syncFrame(messages, source.caller, payload)) source.reply(frame);
    },
  };
}
