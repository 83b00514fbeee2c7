import type { User } from "@om/protocol";
import type { Disk, Saved } from "../storage/disk.ts";
import { onLocalChange, readLocalAll, writeLocal } from "../storage/local.ts";
import { emptyTalk, personOf, type ChatMessage, type Pending, type Person, type Talk } from "./model.ts";
import { Observable } from "./observable.ts";

export type LineStatus = "connecting" | "live" | "offline" | "ended";

/** The messages of a talk that are in memory, by `seq`. */
export interface Thread {
  messages: readonly ChatMessage[];
  /** There is nothing older. */
  isComplete: boolean;
  isLoading: boolean;
  /** It was compared with the server since the page was opened. */
  isFresh: boolean;
  /** An older place is looked at: there are newer messages that are not in memory. */
  isPast: boolean;
  /** Rises when others take the place of all these messages. */
  era: number;
}

/** A message that somebody wants to see where it stands; each wish is a new object. */
export interface Focus {
  talkId: string;
  messageId: number;
}

export interface Aim {
  kind: "reply" | "edit";
  message: ChatMessage;
}

const noThread: Thread = { messages: [], isComplete: false, isLoading: false, isFresh: false, isPast: false, era: 0 };
const nothing: readonly never[] = [];
/** Messages of a talk that is not open which stay in memory. */
const keptMessages = 200;
const noticeMs = 6_000;

/** All that the page is drawn from, kept on disk as it changes. What is in it is replaced, never changed, so that a look tells what is new. */
export class Store extends Observable {
  me: User;
  status: LineStatus = "connecting";
  /** Since when there is no line, in ms; undefined: there is one, or this is the first attempt. */
  awaySince: number | undefined;
  notice: string | undefined;
  readonly people = new Map<number, Person>();
  readonly talks = new Map<string, Talk>();
  readonly threads = new Map<string, Thread>();
  readonly pending = new Map<string, readonly Pending[]>();
  readonly typing = new Map<string, readonly number[]>();
  readonly drafts = readLocalAll("draft");
  /** What the next message of a talk answers, or which one it replaces. */
  readonly aims = new Map<string, Aim>();
  blocked: ReadonlySet<number> = new Set();
  openId: string | undefined;
  focus: Focus | undefined;
  /** Whether this tab writes down what the line tells; the others only show it. */
  isWriter = false;
  readonly disk: Disk;
  #list: readonly Talk[] | undefined;
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #typingTimers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(me: User, disk: Disk) {
    super();
    this.me = me;
    this.disk = disk;
    this.putPerson(personOf(me));
    onLocalChange("draft", (talkId, text) => {
      if (text === undefined) this.drafts.delete(talkId);
      else this.drafts.set(talkId, text);
      this.changed();
    });
  }

  restore({ people, talks, device, waiting, unsent }: Saved): void {
    for (const person of people) this.people.set(person.id, { ...person, isOnline: false });
    for (const talk of talks) this.talks.set(talk.id, talk);
    for (const { clientId, to, content: text, messageType: type, acked, replyTo, ...more } of device?.outbox ?? []) {
      if (acked !== undefined) continue;
      const talkId = "userId" in to ? `user_${to.userId}` : `group_${to.groupId}`;
      const quote =
        replyTo === undefined ? undefined : { id: replyTo, senderId: 0, text: undefined, type: "text" as const };
      const { mentions = [], forwardOf } = more;
      const forward = forwardOf === undefined ? {} : { forward: { id: forwardOf, from: 0 } };
      this.addPending({ clientId, talkId, text, type, at: 0, quote, mentions, ...forward });
    }
    for (const pending of [...waiting, ...unsent]) this.addPending(pending);
    this.#list = undefined;
    this.tell();
  }

  /** Pinned ones first, archived ones last, of each the newest activity first. */
  list(): readonly Talk[] {
    return (this.#list ??= [...this.talks.values()].toSorted(
      (a, b) => rank(b) - rank(a) || b.at - a.at || (a.id < b.id ? -1 : 1),
    ));
  }

  thread(talkId: string): Thread {
    return this.threads.get(talkId) ?? noThread;
  }

  pendingOf(talkId: string): readonly Pending[] {
    return this.pending.get(talkId) ?? nothing;
  }

  typistsOf(talkId: string): readonly number[] {
    return this.typing.get(talkId) ?? nothing;
  }

  unread(): number {
    let sum = 0;
    for (const talk of this.talks.values()) if (!isMuted(talk)) sum += talk.unread;
    return sum;
  }

  putPerson(person: Person): void {
    const known = this.people.get(person.id);
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(person)) return;
    this.people.set(person.id, person);
    this.#write(() => this.disk.put("people", person.id, person));
    this.changed();
  }

  putTalk(talk: Talk): void {
    this.talks.set(talk.id, talk);
    this.#list = undefined;
    this.#write(() => this.disk.put("talks", talk.id, talk));
    this.changed();
  }

  editTalk(talkId: string, edit: (talk: Talk) => Partial<Talk>): void {
    const talk = this.talks.get(talkId);
    if (talk !== undefined) this.putTalk({ ...talk, ...edit(talk) });
  }

  talk(talkId: string): Talk {
    return this.talks.get(talkId) ?? emptyTalk(talkId);
  }

  removeTalk(talkId: string): void {
    this.talks.delete(talkId);
    this.threads.delete(talkId);
    this.#list = undefined;
    this.#write(() => {
      this.disk.delete("talks", talkId);
      this.disk.deleteMessages(talkId);
    });
    this.changed();
  }

  editThread(talkId: string, edit: Partial<Thread>): void {
    this.threads.set(talkId, { ...this.thread(talkId), ...edit });
    this.changed();
  }

  /** Adds messages at the end of a talk, or replaces some: in memory as far as they stand beside what is there, and on disk. */
  putMessages(talkId: string, messages: readonly ChatMessage[]): void {
    const { messages: shown, isPast } = this.thread(talkId);
    const from = shown[0]?.seq ?? 0;
    const to = isPast ? (shown.at(-1)?.seq ?? 0) : Number.POSITIVE_INFINITY;
    this.putPage(
      talkId,
      messages,
      messages.filter(({ seq }) => seq >= from && seq <= to),
    );
  }

  /** @param page those that are shown: all of them stand beside what is in memory */
  putPage(talkId: string, messages: readonly ChatMessage[], page = messages): void {
    if (messages.length === 0) return;
    this.#write(() => {
      for (const message of messages) this.disk.put("messages", [talkId, message.seq], message);
    });
    this.showPage(talkId, page);
    const newest = messages.at(-1);
    const { last } = this.talk(talkId);
    if (newest !== undefined && last !== undefined && newest.id === last.id)
      this.editTalk(talkId, () => ({ last: newest }));
  }

  /** Adds messages to those in memory. */
  showPage(talkId: string, page: readonly ChatMessage[], edit: Partial<Thread> = {}): void {
    const thread = this.threads.get(talkId);
    if (thread !== undefined) this.editThread(talkId, { messages: merged(thread.messages, page), ...edit });
  }

  setFocus(focus: Focus): void {
    this.focus = focus;
    this.tell();
  }

  /** Forgets messages, in memory and on disk. */
  dropMessages(talkId: string, isGone: (message: ChatMessage) => boolean): void {
    const { messages } = this.thread(talkId);
    const gone = messages.filter(isGone);
    if (gone.length === 0) return;
    this.editThread(talkId, { messages: messages.filter((message) => !gone.includes(message)) });
    this.#write(() => {
      for (const { seq } of gone) this.disk.delete("messages", [talkId, seq]);
    });
  }

  /** What is not looked at any more does not stay in memory. */
  open(talkId: string | undefined): void {
    const left = this.openId;
    this.openId = talkId;
    this.focus = undefined;
    if (left === undefined || left === talkId) return;
    const { messages, isPast } = this.thread(left);
    if (isPast) this.threads.delete(left);
    else if (messages.length > keptMessages)
      this.editThread(left, { messages: messages.slice(-keptMessages), isComplete: false });
  }

  addPending(pending: Pending): void {
    const others = this.pendingOf(pending.talkId).filter(({ clientId }) => clientId !== pending.clientId);
    this.pending.set(pending.talkId, [...others, pending]);
    this.tell();
  }

  /** @returns what it was */
  dropPending(clientId: string): Pending | undefined {
    for (const [talkId, all] of this.pending) {
      const found = all.find((one) => one.clientId === clientId);
      if (found === undefined) continue;
      this.pending.set(
        talkId,
        all.filter((one) => one !== found),
      );
      this.#write(() => this.disk.delete("unsent", clientId));
      this.changed();
      return found;
    }
    return undefined;
  }

  /** Kept at every key, so that nothing that was typed can be lost. */
  setDraft(talkId: string, text: string): void {
    if (text === "") this.drafts.delete(talkId);
    else this.drafts.set(talkId, text);
    writeLocal(`draft.${talkId}`, text === "" ? undefined : text);
    this.changed();
  }

  setAim(talkId: string, aim: Aim | undefined): void {
    if (aim === undefined) this.aims.delete(talkId);
    else this.aims.set(talkId, aim);
    this.tell();
  }

  setTyping(talkId: string, userId: number, isTyping: boolean, shownMs = 4_000): void {
    const key = `${talkId} ${userId}`;
    clearTimeout(this.#typingTimers.get(key));
    this.#typingTimers.delete(key);
    const others = this.typistsOf(talkId).filter((id) => id !== userId);
    if (isTyping)
      this.#typingTimers.set(
        key,
        setTimeout(() => this.setTyping(talkId, userId, false), shownMs),
      );
    this.typing.set(talkId, isTyping ? [...others, userId] : others);
    this.changed();
  }

  setStatus(status: LineStatus): void {
    this.status = status;
    if (status === "live") this.awaySince = undefined;
    else if (status === "offline" || status === "ended") this.awaySince ??= Date.now();
    this.changed();
  }

  setBlocked(userIds: Iterable<number>): void {
    this.blocked = new Set(userIds);
    this.changed();
  }

  /** Says something for a while. */
  say(text: string): void {
    this.notice = text;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      this.notice = undefined;
      this.tell();
    }, noticeMs);
    this.tell();
  }

  /** A message came, or was acknowledged. */
  arrived(message: ChatMessage, isNew: boolean): void {
    const { talkId, seq, at } = message;
    const talk = this.talk(talkId);
    const isLast = talk.last === undefined || talk.last.seq <= seq;
    const isUnread = isNew && message.senderId !== this.me.id && message.id > talk.seen;
    this.putTalk({
      ...talk,
      from: talk.from ?? seq,
      at: Math.max(talk.at, at),
      last: isLast ? message : talk.last,
      unread: talk.unread + (isUnread ? 1 : 0),
      mentions: talk.mentions + (isUnread && message.mentions.includes(this.me.id) ? 1 : 0),
    });
    this.putMessages(talkId, [message]);
  }

  #write(write: () => void): void {
    if (this.isWriter) write();
  }
}

/** Muted and archived talks call nobody. */
export function isMuted({ settings }: Talk): boolean {
  return settings.archived === true || Date.parse(settings.muted_until ?? "") > Date.now();
}

function rank({ settings }: Talk): number {
  return settings.archived === true ? -1 : settings.pinned === true ? 1 : 0;
}

/** Both are in the order of `seq`. */
function merged(old: readonly ChatMessage[], more: readonly ChatMessage[]): readonly ChatMessage[] {
  const [first] = more;
  const last = old.at(-1);
  if (first === undefined) return old;
  if (last === undefined || last.seq < first.seq) return [...old, ...more];
  const bySeq = new Map(old.map((message) => [message.seq, message]));
  for (const message of more) bySeq.set(message.seq, message);
  return [...bySeq.values()].toSorted((a, b) => a.seq - b.seq);
}
