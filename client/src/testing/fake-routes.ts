import type { Conversation, Message } from "@om/protocol";
import {
  fakeUser,
  wireIdOf,
  peerOf,
  viewOf,
  type FakeConversations,
  type FakeConversation,
} from "./fake-conversations.ts";

/** What the fake server answers to reads, from the conversations as they are. */
export class FakeRoutes {
  readonly #all: FakeConversations;
  readonly #pageSize: number;
  /** Raised: cursors mean nothing any more. */
  epoch = 1;

  constructor(all: FakeConversations, pageSize: number) {
    this.#all = all;
    this.#pageSize = pageSize;
  }

  /** GET /api/changes; undefined: the cursor cannot be read. */
  changes(viewer: number, query: URLSearchParams): object | undefined {
    const cursor = query.get("cursor") ?? "";
    if (cursor === "broken") return undefined;
    const [epoch, since = 0] = cursor.split(".").map(Number);
    const reset = cursor !== "" && epoch !== this.epoch;
    const all = cursor === "" || reset;
    const isNew = ({ changedAt, partChangedAt }: FakeConversation): boolean =>
      all || changedAt >= since || (partChangedAt.get(viewer) ?? 0) >= since;
    const conversations = [...this.#all.conversations.values()];
    const found = conversations.filter(
      (conversation) => conversation.members.has(viewer) && conversation.ver > 0 && isNew(conversation),
    );
    const after = Number(query.get("after") ?? 0);
    const end = after + this.#pageSize;
    const removed = conversations.filter(
      (conversation) => !all && conversation.left.has(viewer) && isNew(conversation),
    );
    return {
      cursor: `${this.epoch}.${this.#all.clock}`,
      reset,
      conversations: found.slice(after, end).map((conversation) => this.#head(conversation, viewer)),
      ...(reset && {
        rewound: found
          .slice(after, end)
          .filter(({ rewound }) => rewound !== undefined)
          .map((conversation) => ({ conversation_id: wireIdOf(conversation, viewer), ...conversation.rewound })),
      }),
      removed: after > 0 ? [] : removed.map((conversation) => wireIdOf(conversation, viewer)),
      ...(end < found.length ? { next: end } : {}),
    };
  }

  /** GET /api/messages/changes. */
  messageChanges(viewer: number, query: URLSearchParams): object {
    const id = query.get("conversation_id") ?? "";
    const ver = Number(query.get("ver"));
    const conversation = this.#all.named(id, viewer);
    const found = conversation.messages
      .filter(({ message }) => message.seq > (conversation.cleared.get(viewer) ?? 0))
      .map((one) => ({ ...one, key: one.firstVer > ver ? one.firstVer : one.message.ver }))
      .filter(({ key }) => key > ver)
      .toSorted((a, b) => a.key - b.key);
    const shown = found.slice(0, this.#pageSize);
    const next = found.length > this.#pageSize ? { next_ver: shown.at(-1)?.key } : {};
    const messages = shown
      .filter(({ isDeleted }) => !isDeleted)
      .map(({ message }) => viewOf(conversation, message, viewer));
    const deleted = shown
      .filter(({ isDeleted }) => isDeleted)
      .map(({ message: { id, seq, ver } }) => ({ id, seq, ver }));
    return { conversation_id: id, messages, deleted, ...next };
  }

  /** GET /api/groups/:id/messages. */
  groupHistory(viewer: number, groupId: number, query: URLSearchParams): { count: number; messages: Message[] } {
    const conversation = this.#all.group(groupId);
    const before = Number(query.get("cursor") ?? Number.MAX_SAFE_INTEGER);
    const messages = this.#visible(conversation, viewer).filter(({ id }) => id < before);
    const shown = messages.toReversed().slice(0, Number(query.get("limit") ?? 50));
    return { count: shown.length, messages: shown };
  }

  #visible(conversation: FakeConversation, viewer: number): Message[] {
    const cleared = conversation.cleared.get(viewer) ?? 0;
    return conversation.messages
      .filter(({ message, isDeleted }) => !isDeleted && message.seq > cleared)
      .map(({ message }) => viewOf(conversation, message, viewer));
  }

  #head(conversation: FakeConversation, viewer: number): Conversation {
    const position = (userId: number) => ({
      read_message_id: conversation.positions.get(userId)?.read ?? 0,
      delivered_message_id: conversation.positions.get(userId)?.delivered ?? 0,
    });
    const isGroup = conversation.groupId !== undefined;
    const peer = peerOf(conversation, viewer);
    return {
      conversation_id: wireIdOf(conversation, viewer),
      group:
        conversation.groupId === undefined
          ? null
          : { id: conversation.groupId, name: conversation.name, icon: "", member_count: conversation.members.size },
      last_activity: "",
      peer: isGroup ? null : fakeUser(peer),
      unread_count: 0,
      last_message: this.#visible(conversation, viewer).at(-1) ?? null,
      ver: conversation.ver,
      seq: conversation.messages.length,
      my_position: position(viewer),
      peer_position: isGroup ? null : position(peer),
      cleared_seq: conversation.cleared.get(viewer) ?? 0,
    };
  }
}
