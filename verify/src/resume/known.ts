import type { Api, OmConnection } from "@om/client";
import type { Conversation, ConversationSettings, GroupChange, Message, User } from "@om/protocol";
import type { Person } from "./person.ts";

/** What of a user everybody sees. */
type Look = Pick<User, "id" | "username" | "full_name" | "avatar" | "role">;

interface KnownConversation {
  messages: Map<number, Message>;
  cleared: number;
  settings: ConversationSettings;
  /** Message ids by user; what is read is delivered. */
  read: Map<number, number>;
  delivered: Map<number, number>;
  lastSeq: number;
}

interface KnownGroup {
  details: Omit<GroupChange, "members">;
  members: Set<number>;
  /** Of those whose role changed. */
  roles: Map<number, string>;
}

/** What an app knows that only listens to its connection, and asks for the members of a group that is new to it. */
interface Data {
  conversations: Map<string, KnownConversation>;
  groups: Map<number, KnownGroup>;
  /** `told`: by an event of the user's own, which is newer than whatever else shows the user. */
  looks: Map<number, { look: Look; told: boolean }>;
  blocked: readonly number[];
}

/** What both an app and the server can say of one user's world, to be compared. */
export interface Plain {
  conversations: Record<string, object>;
  groups: Record<string, object>;
  looks: Record<string, Look>;
  blocked: readonly number[];
}

export class Known {
  readonly #self: Person;
  #data: Data = { conversations: new Map(), groups: new Map(), looks: new Map(), blocked: [] };
  #asking: Promise<unknown> = Promise.resolve();
  /** Rises with each event of a group: members that were asked for before are not those of now. */
  #groupEvents = 0;
  /** What should never happen: a message twice or out of order. */
  readonly faults: string[] = [];
  onEvent: () => void = () => undefined;

  constructor(self: Person) {
    this.#self = self;
  }

  copy(): Known {
    const copy = new Known(this.#self);
    copy.#data = structuredClone(this.#data);
    return copy;
  }

  /** Resolves when nothing is being asked. */
  async settled(): Promise<void> {
    let asked: Promise<unknown>;
    do {
      asked = this.#asking;
      await asked;
    } while (asked !== this.#asking);
  }

  follow(connection: OmConnection): void {
    const after =
      <Event>(apply: (event: Event) => void) =>
      (event: Event): void => {
        apply(event);
        this.onEvent();
      };
    connection.on(
      "message",
      after((message) => this.#message(message)),
    );
    connection.on(
      "updated",
      after((message) => void this.#at(message.conversation_id).messages.set(message.id, message)),
    );
    connection.on(
      "deleted",
      after(({ conversationId, messageId }) => void this.#at(conversationId).messages.delete(messageId)),
    );
    connection.on(
      "cleared",
      after(({ conversationId, seq }) => this.#cleared(conversationId, seq)),
    );
    connection.on(
      "conversation",
      after((head) => this.#head(head)),
    );
    connection.on(
      "position",
      after(({ conversationId, userId, kind, messageId }) => {
        const at = this.#at(conversationId);
        raise(at.delivered, userId, messageId);
        if (kind === "read") raise(at.read, userId, messageId);
      }),
    );
    connection.on(
      "settings",
      after(({ conversationId, settings }) => void (this.#at(conversationId).settings = settings)),
    );
    connection.on(
      "left",
      after(({ conversationId }) => this.#left(conversationId)),
    );
    connection.on(
      "group",
      after(({ change }) => change && this.#group(change)),
    );
    connection.on(
      "user",
      after(({ ver: _ver, ...look }) => void this.#data.looks.set(look.id, { look, told: true })),
    );
    connection.on(
      "blocked",
      after(({ userIds }) => void (this.#data.blocked = userIds)),
    );
    connection.on("status", () => this.onEvent());
    connection.on("reset", () => this.faults.push("a reset"));
    connection.on("users", () => this.faults.push("told to ask for all users"));
  }

  roleIn(groupId: number, userId: number): string | undefined {
    return this.#data.groups.get(groupId)?.roles.get(userId);
  }

  plain(): Plain {
    const { conversations, groups, looks, blocked } = this.#data;
    return {
      conversations: Object.fromEntries(
        [...conversations]
          .filter(([id, { messages }]) => id.startsWith("group_") || messages.size > 0)
          .map(([id, { messages, cleared, settings, read, delivered }]) => [
            id,
            plainConversation(
              { messages: [...messages.values()], cleared, settings, read, delivered },
              id,
              this.#self.id,
            ),
          ]),
      ),
      groups: Object.fromEntries(
        [...groups].map(([id, { details, members }]) => [id, { ...details, members: ascending([...members]) }]),
      ),
      looks: Object.fromEntries([...looks].map(([id, { look }]) => [id, look])),
      blocked,
    };
  }

  #at(conversationId: string): KnownConversation {
    const known = this.#data.conversations.get(conversationId);
    if (known !== undefined) return known;
    const made = { messages: new Map(), cleared: 0, settings: {}, read: new Map(), delivered: new Map(), lastSeq: 0 };
    this.#data.conversations.set(conversationId, made);
    return made;
  }

  #message(message: Message): void {
    const at = this.#at(message.conversation_id);
    if (message.seq <= at.lastSeq)
      this.faults.push(`${message.conversation_id} ${message.seq} came after ${at.lastSeq}`);
    at.lastSeq = message.seq;
    at.messages.set(message.id, message);
    this.#seen(message.sender);
    const peerId = message.sender_id === this.#self.id ? message.recipient_id : null;
    // Of somebody to whom the user has written from elsewhere nothing may have been told yet.
    if (peerId !== null && this.#data.looks.get(peerId)?.told !== true)
      this.#asking = this.#asking.then(() => this.#askFor(peerId));
  }

  async #askFor(userId: number): Promise<void> {
    const { user } = await this.#self.api.user({ params: { identifier: userId } });
    this.#seen(user);
    this.onEvent();
  }

  #cleared(conversationId: string, seq: number): void {
    const at = this.#at(conversationId);
    at.cleared = Math.max(at.cleared, seq);
    for (const [id, message] of at.messages) if (message.seq <= at.cleared) at.messages.delete(id);
  }

  #head({ conversation_id: id, peer, settings = {} }: Conversation): void {
    this.#at(id).settings = settings;
    if (peer !== null) this.#seen({ ...peer, role: "user" });
  }

  /** Of whom nothing was told yet: whoever shows a user shows the user of that moment. */
  #seen(user: Look): void {
    if (this.#data.looks.get(user.id)?.told !== true)
      this.#data.looks.set(user.id, { look: lookOf(user), told: false });
  }

  #left(conversationId: string): void {
    this.#data.conversations.delete(conversationId);
    this.#data.groups.delete(Number(conversationId.split("_")[1]));
    // Of those with whom nothing is shared any more nothing is told.
    for (const known of this.#data.looks.values()) known.told = false;
  }

  #group({ members, ...details }: GroupChange): void {
    this.#groupEvents += 1;
    const known = this.#data.groups.get(details.id);
    const group: KnownGroup = { details, members: known?.members ?? new Set(), roles: known?.roles ?? new Map() };
    this.#data.groups.set(details.id, group);
    for (const { user_id: id, role } of members ?? []) {
      if (role === null) group.members.delete(id);
      else group.members.add(id);
      group.roles.set(id, role ?? "none");
    }
    // Somebody new has not been seen yet; of those who were there before nothing is told to somebody new.
    if (members === null || members.some(({ role }) => role !== null))
      this.#asking = this.#asking.then(() => this.#ask(details.id));
  }

  /** Until nothing happened meanwhile. */
  async #ask(groupId: number): Promise<void> {
    for (;;) {
      const events = this.#groupEvents;
      const members = await this.#self.api.groupMembers({ params: { id: groupId } }).catch(() => undefined);
      const group = this.#data.groups.get(groupId);
      if (members === undefined || group === undefined) return;
      if (events !== this.#groupEvents) continue;
      group.members = new Set(members.map(({ id }) => id));
      for (const member of members) this.#seen(member);
      return this.onEvent();
    }
  }
}

/** The same, from the server, by everything that a new device would ask. */
export async function readPlain(api: Api, self: Person): Promise<Plain> {
  const [{ conversations: heads }, groups, { users: blocked }] = await Promise.all([
    api.changes(),
    api.groups(),
    api.blocks(),
  ]);
  const names = heads.map(({ conversation_id: id }) => ({ conversation_id: id, last_message_id: 0 }));
  const { results } =
    names.length === 0 ? { results: [] } : await api.sync({ body: { conversations: names, limit: 200 } });
  const looks: Record<string, Look> = {};
  const see = (user: Look): void => void (looks[user.id] = lookOf(user));
  const conversations: Plain["conversations"] = {};
  for (const [index, head] of heads.entries()) {
    const {
      conversation_id: id,
      peer,
      my_position: mine,
      peer_position: theirs,
      cleared_seq: cleared,
      settings = {},
    } = head;
    const messages = results[index]?.messages ?? [];
    if (results[index]?.has_more === true) throw new Error("the world has grown too large");
    if (peer !== null) see({ ...peer, role: "user" });
    for (const { sender } of messages) see(sender);
    const read = new Map([[self.id, mine.read_message_id]]);
    const delivered = new Map<number, number>();
    if (peer !== null && theirs !== null && peer.id !== self.id) {
      read.set(peer.id, theirs.read_message_id);
      delivered.set(peer.id, theirs.delivered_message_id);
    }
    const plain = plainConversation({ messages, cleared, settings, read, delivered }, id, self.id);
    if (plain.unread !== head.unread_count)
      throw new Error(`${id} has ${head.unread_count} unread, of ${plain.unread}`);
    if (peer === null || messages.length > 0) conversations[id] = plain;
  }
  const members = await Promise.all(groups.map(({ id }) => api.groupMembers({ params: { id } })));
  for (const member of members.flat()) see(member);
  return {
    conversations,
    groups: Object.fromEntries(
      groups.map(({ id, name, description, icon, is_public, handle }, index) => [
        id,
        {
          id,
          name,
          description,
          icon,
          is_public,
          ...(handle === undefined ? {} : { handle }),
          members: ascending((members[index] ?? []).map((member) => member.id)),
        },
      ]),
    ),
    looks,
    blocked: ascending(blocked.map(({ id }) => id)),
  };
}

function plainConversation(
  {
    messages,
    cleared,
    settings,
    read,
    delivered,
  }: Omit<KnownConversation, "messages" | "lastSeq"> & { messages: Message[] },
  id: string,
  selfId: number,
) {
  const peerId = id.startsWith("user_") ? Number(id.split("_")[1]) : selfId;
  const mine = read.get(selfId) ?? 0;
  // Of the user's own messages: what the other one has written itself is no news to anybody.
  const upTo = (at = 0): number =>
    Math.max(0, ...messages.filter((one) => one.sender_id === selfId && one.id <= at).map((one) => one.id));
  return {
    messages: messages
      .toSorted((a, b) => a.id - b.id)
      .map((one) => [
        one.id,
        one.seq,
        one.sender_id,
        one.content,
        one.version,
        one.reply_to_id ?? null,
        one.reactions ?? null,
      ]),
    cleared,
    settings,
    unread: messages.filter((one) => one.sender_id !== selfId && one.id > mine).length,
    read: mine,
    peer: peerId === selfId ? null : [upTo(read.get(peerId)), upTo(delivered.get(peerId))],
  };
}

function raise(positions: Map<number, number>, userId: number, messageId: number): void {
  positions.set(userId, Math.max(positions.get(userId) ?? 0, messageId));
}

const lookOf = ({ id, username, full_name, avatar, role }: Look): Look => ({ id, username, full_name, avatar, role });
const ascending = (ids: number[]): number[] => ids.toSorted((a, b) => a - b);
