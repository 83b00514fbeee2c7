import type { Api } from "@om/client";
import { messageOf, personOf, targetOfTalk, type ChatMessage } from "./model.ts";
import type { Store } from "./store.ts";

const pageSize = 50;

interface Page {
  /** Oldest first. */
  messages: ChatMessage[];
  isLast: boolean;
}

async function fetchPage({ store, api }: Deps, talkId: string, beforeId: number): Promise<Page> {
  const target = targetOfTalk(talkId);
  const query = { limit: pageSize, cursor: beforeId };
  const { messages, next_cursor: next } =
    "userId" in target
      ? await api.history({ query: { recipient_id: target.userId, ...query } })
      : await api.groupHistory({ params: { id: target.groupId }, query });
  for (const { sender } of messages) if (!store.people.has(sender.id)) store.putPerson(personOf(sender));
  return { messages: messages.map((message) => messageOf(message, talkId)).toReversed(), isLast: next === undefined };
}

interface Deps {
  store: Store;
  api: Api;
}

/** Shows what the browser has of a talk, then brings it up to date. */
export async function openThread(deps: Deps, talkId: string): Promise<void> {
  const { store } = deps;
  const isKnown = store.threads.has(talkId);
  if (!isKnown) {
    store.editThread(talkId, { isLoading: true });
    const { from } = store.talk(talkId);
    const kept = from === undefined ? [] : await store.disk.page(talkId, Number.MAX_SAFE_INTEGER, pageSize);
    store.putMessages(
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
  if (store.thread(talkId).isFresh || store.status !== "live") return;
  store.editThread(talkId, { isFresh: true, isLoading: store.thread(talkId).messages.length === 0 });
  try {
    const { messages, isLast } = await fetchPage(deps, talkId, 0);
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
    store.putMessages(talkId, messages);
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
  const { messages, isComplete, isLoading } = store.thread(talkId);
  const [oldest] = messages;
  if (isComplete || isLoading || oldest === undefined) return;
  store.editThread(talkId, { isLoading: true });
  try {
    const from = store.talk(talkId).from ?? Number.POSITIVE_INFINITY;
    const kept = from < oldest.seq ? await store.disk.page(talkId, oldest.seq, pageSize) : [];
    const whole = kept.filter(({ seq }) => seq >= from);
    if (whole.length > 0) {
      store.putMessages(talkId, whole);
    } else if (from <= 1) {
      store.editThread(talkId, { isComplete: true });
    } else {
      const page = await fetchPage(deps, talkId, oldest.id);
      store.putMessages(talkId, page.messages);
      store.editTalk(talkId, () => ({ from: page.isLast ? 0 : (page.messages[0]?.seq ?? from) }));
      if (page.isLast) store.editThread(talkId, { isComplete: true });
    }
  } finally {
    store.editThread(talkId, { isLoading: false });
  }
}
