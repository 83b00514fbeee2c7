import type { Conversation, Message } from "@om/protocol";
import { fakeUser, nameFor, peerOf, seenBy, type FakeTalks, type Talk } from "./fake-conversations.ts";

/** What the fake server answers to reads, from the talks as they are. */
export class FakeReads {
  readonly #all: FakeTalks;
  readonly #pageSize: number;
  /** Raised: cursors mean nothing any more. */
  epoch = 1;

  constructor(all: FakeTalks, pageSize: number) {
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
    const isNew = ({ changedAt, partChangedAt }: Talk): boolean =>
      all || changedAt >= since || (partChangedAt.get(viewer) ?? 0) >= since;
    const talks = [...this.#all.talks.values()];
    const found = talks.filter((talk) => talk.members.has(viewer) && talk.ver > 0 && isNew(talk));
    const after = Number(query.get("after") ?? 0);
    const end = after + this.#pageSize;
    const removed = talks.filter((talk) => !all && talk.left.has(viewer) && isNew(talk));
    return {
      cursor: `${this.epoch}.${this.#all.clock}`,
      reset,
      conversations: found.slice(after, end).map((talk) => this.#head(talk, viewer)),
      removed: after > 0 ? [] : removed.map((talk) => nameFor(talk, viewer)),
      ...(end < found.length ? { next: end } : {}),
    };
  }

  /** GET /api/messages/changes. */
  messageChanges(viewer: number, query: URLSearchParams): object {
    const id = query.get("conversation_id") ?? "";
    const ver = Number(query.get("ver"));
    const talk = this.#all.named(id, viewer);
    const found = talk.messages
      .filter(({ message }) => message.seq > (talk.cleared.get(viewer) ?? 0))
      .map((one) => ({ ...one, key: one.firstVer > ver ? one.firstVer : one.message.ver }))
      .filter(({ key }) => key > ver)
      .toSorted((a, b) => a.key - b.key);
    const shown = found.slice(0, this.#pageSize);
    const next = found.length > this.#pageSize ? { next_ver: shown.at(-1)?.key } : {};
    const messages = shown.filter(({ isDeleted }) => !isDeleted).map(({ message }) => seenBy(talk, message, viewer));
    const deleted = shown
      .filter(({ isDeleted }) => isDeleted)
      .map(({ message: { id, seq, ver } }) => ({ id, seq, ver }));
    return { conversation_id: id, messages, deleted, ...next };
  }

  /** GET /api/groups/:id/messages. */
  groupHistory(viewer: number, groupId: number, query: URLSearchParams): { count: number; messages: Message[] } {
    const talk = this.#all.group(groupId);
    const before = Number(query.get("cursor") ?? Number.MAX_SAFE_INTEGER);
    const messages = this.#visible(talk, viewer).filter(({ id }) => id < before);
    const shown = messages.toReversed().slice(0, Number(query.get("limit") ?? 50));
    return { count: shown.length, messages: shown };
  }

  #visible(talk: Talk, viewer: number): Message[] {
    const cleared = talk.cleared.get(viewer) ?? 0;
    return talk.messages
      .filter(({ message, isDeleted }) => !isDeleted && message.seq > cleared)
      .map(({ message }) => seenBy(talk, message, viewer));
  }

  #head(talk: Talk, viewer: number): Conversation {
    const position = (userId: number) => ({
      read_message_id: talk.positions.get(userId)?.read ?? 0,
      delivered_message_id: talk.positions.get(userId)?.delivered ?? 0,
    });
    const isGroup = talk.groupId !== undefined;
    const peer = peerOf(talk, viewer);
    return {
      conversation_id: nameFor(talk, viewer),
      group:
        talk.groupId === undefined
          ? null
          : { id: talk.groupId, name: talk.name, icon: "", member_count: talk.members.size },
      last_activity: "",
      peer: isGroup ? null : fakeUser(peer),
      unread_count: 0,
      last_message: this.#visible(talk, viewer).at(-1) ?? null,
      ver: talk.ver,
      seq: talk.messages.length,
      my_position: position(viewer),
      peer_position: isGroup ? null : position(peer),
      cleared_seq: talk.cleared.get(viewer) ?? 0,
    };
  }
}
