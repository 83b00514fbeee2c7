import type { Api } from "@om/client";
import { errorText } from "./errors.ts";
import { newId } from "./insecure.ts";
import { t } from "./i18n/index.ts";
import type { Line } from "./line/line.ts";
import { applyHead, applySeen } from "./store/follow.ts";
import { jumpTo, loadNewer, loadOlder, openThread, refreshThread } from "./store/history.ts";
import type { Extras, Pending } from "./store/model.ts";
import type { Store } from "./store/store.ts";

interface Parts {
  api: Api;
  store: Store;
  line: Line;
}

/** Who is here, and what they can do. */
export interface Here extends Parts {
  open(talkId: string | undefined): void;
  older(talkId: string): Promise<void>;
  newer(talkId: string): Promise<void>;
  /** Back from an older place to the end. */
  newest(talkId: string): Promise<void>;
  /** Shows a message where it stands. */
  jump(talkId: string, messageId: number): Promise<void>;
  send(talkId: string, text: string, extras?: Extras): void;
  retry(pending: Pending): void;
  seen(talkId: string): void;
}

export function createHere(parts: Parts): Here {
  const { store, line } = parts;
  followLine(parts);
  let opening = Promise.resolve();
  function send(talkId: string, text: string, { type = "text", quote, mentions, forward }: Extras = {}): void {
    if (store.thread(talkId).isPast) void openThread(parts, talkId);
    const extras = { type, quote, ...(mentions && { mentions }), ...(forward && { forward }) };
    line.send({ clientId: newId(), talkId, text, at: Date.now(), ...extras });
  }
  return {
    ...parts,
    open(talkId) {
      store.open(talkId);
      if (talkId !== undefined) opening = openThread(parts, talkId);
    },
    older: (talkId) => loadOlder(parts, talkId),
    newer: (talkId) => loadNewer(parts, talkId),
    newest: (talkId) => openThread(parts, talkId),
    async jump(talkId, messageId) {
      await opening;
      try {
        if (!(await jumpTo(parts, talkId, messageId))) store.say(t("messageGone"));
      } catch (error) {
        store.say(errorText(error));
      }
    },
    send,
    retry(pending) {
      line.drop(pending.clientId);
      send(pending.talkId, pending.text, pending);
    },
    seen(talkId) {
      const { last, seen, unread } = store.talk(talkId);
      const { messages, isPast } = store.thread(talkId);
      const newest = messages.findLast(({ senderId }) => senderId !== store.me.id) ?? last;
      if (isPast || newest === undefined || newest.senderId === store.me.id) return;
      if (newest.id <= seen && unread === 0) return;
      applySeen(store, talkId, newest.id);
      line.markRead(newest.id);
    },
  };
}

/** When the line is there again: who is there, and what became of the talk that is open, which nobody told meanwhile. */
function followLine(parts: Parts): void {
  const { api, store } = parts;
  let wasLive = false;
  store.subscribe(() => {
    const isLive = store.status === "live";
    if (isLive === wasLive) return;
    wasLive = isLive;
    if (!isLive) return;
    for (const [id, thread] of store.threads) store.threads.set(id, { ...thread, isFresh: false });
    void reload();
  });
  async function reload(): Promise<void> {
    if (store.openId !== undefined) void refreshThread(parts, store.openId);
    const { conversations } = await api.conversations({ query: { limit: 100 } });
    for (const { peer } of conversations) {
      const person = peer === null ? undefined : store.people.get(peer.id);
      if (person && peer) store.putPerson({ ...person, isOnline: peer.is_online });
    }
    for (const head of conversations) if (!store.talks.has(head.conversation_id)) applyHead(store, head);
  }
}
