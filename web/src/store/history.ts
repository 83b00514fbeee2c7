import type { Api } from "@om/client";
import { messageOf, personOf, targetOfTalk, type ChatMessage } from "./model.ts";
import type { Store } from "./store.ts";

const pageSize = 50;

interface Page {
  /** Oldest first. */
  messages: ChatMessage[];
  isLast: boolean;
}

interface Deps {
  store: Store;
  api: Api;
}

/** @param from of which messages, by the id of one: those before it (0: the newest), or those around it */
async function fetchPage({ store, api }: Deps, talkId: string, from: { cursor: number } | { around: number }) {
  const target = targetOfTalk(talkId);
  const query = { limit: pageSize, ...from };
  const { messages, next_cursor: next } =
    "userId" in target
      ? await api.history({ query: { recipient_id: target.userId, ...query } })
      : await api.groupHistory({ params: { id: target.groupId }, query });
  return { messages: pageOf(store, talkId, messages).toReversed(), isLast: next === undefined } satisfies Page;
}

function pageOf(store: Store, talkId: string, messages: Awaited<ReturnType<Api["history"]>>["messages"]) {
  for (const { sender } of messages) if (!store.people.has(sender.id)) store.putPerson(personOf(sender));
  return messages.map((message) => messageOf(message, talkId));
}

/** Shows what the browser has of the end of a talk, then brings it up to date. */
export async function openThread(deps: Deps, talkId: string): Promise<void> {
  const { store } = deps;
  const known = store.threads.get(talkId);
  if (known === undefined || known.isPast) {
    store.editThread(talkId, { isLoading: true });
    const { from } = store.talk(talkId);
    const kept = from === undefined ? [] : await store.disk.page(talkId, Number.MAX_SAFE_INTEGER, pageSize);
    if (known !== undefined)
      store.editThread(talkId, { messages: [], isPast: false, isFresh: false, era: known.era + 1 });
    store.putPage(
      talkId,
      kept.filter(({ seq }) => from !== undefined && seq >= from),
    );
    const isComplete = from !== undefined && from <= 1 && kept.length < pageSize;
    store.editThread(talkId, { isLoading: false, isComplete });
  }
  await refreshThread(deps, talkId);
}

/** Compares the end of a talk with what the server has, once per line. */
export async function refreshThread(deps: Deps, talkId: string): Promise<void> {
  const { store } = deps;
  const { isFresh, isPast } = store.thread(talkId);
  if (isFresh || isPast || store.status !== "live") return;
  store.editThread(talkId, { isFresh: true, isLoading: store.thread(talkId).messages.length === 0 });
  try {
    const { messages, isLast } = await fetchPage(deps, talkId, { cursor: 0 });
    if (store.thread(talkId).isPast) return;
    const first = isLast ? 0 : (messages[0]?.seq ?? 0);
    const last = messages.at(-1)?.seq ?? 0;
    const ids = new Set(messages.map(({ id }) => id));
    const { from } = store.talk(talkId);
    const newest = store.thread(talkId).messages.at(-1)?.seq ?? 0;
    // Between what is kept and the page something may be missing: what is older is asked for anew.
    const isApart = from === undefined || newest < first;
    store.dropMessages(
      talkId,
      ({ id, seq }) => (isApart && seq < first) || (seq >= first && seq <= last && !ids.has(id)),
    );
    store.putPage(talkId, messages);
    const start = isApart ? first : Math.min(from, first);
    store.editTalk(talkId, () => ({ from: start }));
    store.editThread(talkId, { isLoading: false, ...(isLast ? { isComplete: true } : {}) });
  } catch {
    store.editThread(talkId, { isLoading: false, isFresh: false });
  }
}

/** Older messages, from the browser as far as it has them without a gap, then from the server. */
export async function loadOlder(deps: Deps, talkId: string): Promise<void> {
  const { store } = deps;
  const { messages, isComplete, isLoading, isPast, era } = store.thread(talkId);
  const [oldest] = messages;
  if (isComplete || isLoading || oldest === undefined) return;
  store.editThread(talkId, { isLoading: true });
  try {
    const from = store.talk(talkId).from ?? Number.POSITIVE_INFINITY;
    const kept = from < oldest.seq && !isPast ? await store.disk.page(talkId, oldest.seq, pageSize) : [];
    const whole = kept.filter(({ seq }) => seq >= from);
    if (whole.length > 0) {
      store.putPage(talkId, whole);
    } else if (from <= 1 && !isPast) {
      store.editThread(talkId, { isComplete: true });
    } else {
      const page = await fetchPage(deps, talkId, { cursor: oldest.id });
      if (store.thread(talkId).era !== era) return;
      if (isPast) store.showPage(talkId, page.messages);
      else {
        store.putPage(talkId, page.messages);
        store.editTalk(talkId, () => ({ from: page.isLast ? 0 : (page.messages[0]?.seq ?? from) }));
      }
      if (page.isLast) store.editThread(talkId, { isComplete: true });
    }
  } finally {
    store.editThread(talkId, { isLoading: false });
  }
}

/** What comes after an older place that is looked at, until it meets the end of the talk. */
export async function loadNewer(deps: Deps, talkId: string): Promise<void> {
  const { store, api } = deps;
  const { messages, isPast, isLoading, era } = store.thread(talkId);
  const newest = messages.at(-1);
  if (!isPast || isLoading || newest === undefined) return;
  store.editThread(talkId, { isLoading: true });
  try {
    const conversations = [{ conversation_id: talkId, last_message_id: newest.id }];
    const { results } = await api.sync({ body: { conversations, limit: pageSize } });
    const page = pageOf(store, talkId, results[0]?.messages ?? []);
    if (store.thread(talkId).era !== era) return;
    // What came while the answer was on its way is not in it.
    const end = store.talk(talkId).last?.seq ?? 0;
    const isApart = results[0]?.has_more === true || (page.at(-1)?.seq ?? end) < end;
    store.showPage(talkId, page, { isPast: isApart });
    if (!isApart) keepAll(store, talkId);
  } finally {
    store.editThread(talkId, { isLoading: false });
  }
}

/** All in memory goes on up to the end of the talk, so the browser has everything from its first message on. */
function keepAll(store: Store, talkId: string): void {
  const { messages } = store.thread(talkId);
  const first = messages[0]?.seq;
  if (first === undefined) return;
  store.putPage(talkId, messages);
  store.editTalk(talkId, ({ from }) => ({ from: Math.min(from ?? first, first) }));
}

/** Brings a message on the screen, with what was said around it. @returns false when it is not there any more */
export async function jumpTo(deps: Deps, talkId: string, messageId: number): Promise<boolean> {
  const { store } = deps;
  const isShown = (): boolean => store.thread(talkId).messages.some(({ id }) => id === messageId);
  if (!isShown()) {
    const { messages, isLast } = await fetchPage(deps, talkId, { around: messageId });
    const { messages: shown, isPast, era } = store.thread(talkId);
    const newest = messages.at(-1)?.seq ?? 0;
    const isMet = !isPast && newest >= (shown[0]?.seq ?? store.talk(talkId).last?.seq ?? 0);
    if (isMet) {
      store.showPage(talkId, messages);
      keepAll(store, talkId);
    } else if (messages.length > 0) {
      store.editThread(talkId, { messages, isPast: true, isComplete: isLast, era: era + 1 });
    }
  }
  store.setFocus({ talkId, messageId });
  return isShown();
}
