import { conversationIdOf, type Target } from "../target.ts";
import { createInput, type Input } from "./input.ts";

/** A line of a conversation. `id` and `seq` are 0 while it is on its way. */
export interface Line {
  id: number;
  seq: number;
  clientId: string;
  mine: boolean;
  /** Who wrote it. */
  name: string;
  text: string;
  /** Seconds since 1970. */
  at: number;
  isEdited?: boolean;
  /** What it replies to, as far as it can be seen. */
  quote?: { id: number; name: string; text: string } | undefined;
  refused?: boolean;
}

/** One conversation as the screen shows it. */
export interface ConversationModel {
  /** `user_<id>` or `group_<id>`. */
  id: string;
  target: Target;
  name: string;
  /** Of a person. */
  online: boolean;
  isBlocked: boolean;
  unread: number;
  lastAt: number;
  /** How far the other person has come, as message ids; of a group: how far anybody has read. */
  read: number;
  delivered: number;
  /** How far the own user has marked as read. */
  seen: number;
  lines: Line[];
  /** Everything older is here. */
  complete: boolean;
  loaded: boolean;
  /** Who is typing, and when the sign goes out, by the model's clock. */
  typing: Map<number, number>;
}

/** What the chat tells its user for a while. */
interface Notice {
  text: string;
  /** By the model's clock. */
  until: number;
}

/** All that the screen is drawn from. */
export interface Model {
  self: { id: number; name: string };
  conversations: Map<string, ConversationModel>;
  /** Of everybody who was seen writing or talked with. */
  names: Map<number, string>;
  openId: string | undefined;
  /** A list that was asked for; it takes the place of the conversation. */
  sheet: readonly string[] | undefined;
  input: Input;
  /** Rows scrolled up from the end; of a sheet: down from its beginning. */
  scroll: number;
  status: "connecting" | "live" | "offline" | "ended";
  notice: Notice | undefined;
  /** Own messages that the server would not take. */
  refused: number;
  /** The time of day in ms. */
  now: () => number;
  /** Measures how long something is shown, in ms. */
  clock: () => number;
}

const noticeMs = 10_000;
/** How long somebody is shown typing who was not heard of again. */
export const typingMs = 4_000;

export function createModel(
  self: { id: number; name: string },
  { now = Date.now, clock = () => performance.now() }: Partial<Pick<Model, "now" | "clock">> = {},
): Model {
  return {
    self,
    conversations: new Map(),
    names: new Map(),
    openId: undefined,
    sheet: undefined,
    input: createInput(),
    scroll: 0,
    status: "connecting",
    notice: undefined,
    refused: 0,
    now,
    clock,
  };
}

/** Says something to the user; it goes away by itself. */
export function notify(model: Model, text: string): void {
  model.notice = { text, until: model.clock() + noticeMs };
}

/** In how many ms something disappears from the screen by itself; undefined: nothing will. */
export function nextExpiry(model: Model): number | undefined {
  const now = model.clock();
  const typing = [...(selectedConversation(model)?.typing.values() ?? [])];
  const ends = [...typing, model.notice?.until ?? 0].filter((until) => until > now);
  return ends.length === 0 ? undefined : Math.min(...ends) - now;
}

/** Newest first. */
export function sortedConversations(model: Model): ConversationModel[] {
  return [...model.conversations.values()].toSorted((a, b) => b.lastAt - a.lastAt || (a.id < b.id ? -1 : 1));
}

export function selectedConversation(model: Model): ConversationModel | undefined {
  return model.openId === undefined ? undefined : model.conversations.get(model.openId);
}

/** Those who are typing now, by name. */
export function typists(model: Model, conversation: ConversationModel): string[] {
  const typing = [...conversation.typing].filter(([, until]) => until > model.clock());
  return typing.map(([userId]) => model.names.get(userId) ?? "somebody");
}

/** The conversation with a person, made if there is none. */
export function conversationWithUser(
  model: Model,
  user: { id: number; username: string; is_online?: boolean },
): ConversationModel {
  model.names.set(user.id, user.username);
  const conversation = conversationOf(model, { userId: user.id }, user.username);
  conversation.online = user.is_online ?? conversation.online;
  return conversation;
}

/** The conversation of a group, made if there is none. */
export function conversationOfGroup(model: Model, group: { id: number; name: string }): ConversationModel {
  return conversationOf(model, { groupId: group.id }, group.name);
}

function conversationOf(model: Model, target: Target, name: string): ConversationModel {
  const id = conversationIdOf(target);
  const conversation = model.conversations.get(id) ?? {
    id,
    target,
    name,
    online: false,
    isBlocked: false,
    unread: 0,
    lastAt: 0,
    read: 0,
    delivered: 0,
    seen: 0,
    lines: [],
    complete: false,
    loaded: false,
    typing: new Map<number, number>(),
  };
  conversation.name = name;
  model.conversations.set(id, conversation);
  return conversation;
}
