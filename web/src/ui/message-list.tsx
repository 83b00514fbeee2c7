import { useMemo, useState } from "react";
import { Virtualizer } from "virtua";
import { formatNumber, t } from "../i18n/index.ts";
import { rowsOf, type Row } from "../text/rows.ts";
import { useHere, useStore } from "./context.ts";
import { Icon } from "./icons.tsx";
import { RowView } from "./message-row.tsx";
import { faceOf, gist, nameOf } from "./names.ts";
import { useScrolling } from "./use-scrolling.ts";

/** What was said, newest at the bottom; older messages come as one scrolls up to them. */
export function MessageList({ talkId }: { talkId: string }) {
  const { store } = useHere();
  const thread = useStore(() => store.thread(talkId));
  const { rows, readUpTo } = useRows(talkId);
  const view = useScrolling(talkId, rows, readUpTo);
  const talk = useStore(() => store.talks.get(talkId)) ?? store.talk(talkId);
  const { name } = faceOf(store, talk);
  return (
    <div className="messages-frame">
      <div
        className="messages"
        ref={view.scroller}
        role="feed"
        tabIndex={0}
        aria-label={t("messagesWith", { name })}
        aria-busy={thread.isLoading}
      >
        <div className="spacer">
          {rows.length === 0 && (
            <p className="nothing">{t(thread.isLoading || !thread.isFresh ? "loading" : "noMessages")}</p>
          )}
        </div>
        <Virtualizer
          key={thread.era}
          ref={view.virtualizer}
          scrollRef={view.scroller}
          data={rows}
          shift={view.isPrepended}
          bufferSize={600}
          onScroll={view.onScroll}
          onResize={view.onResize}
        >
          {(row) => <RowView key={row.key} row={row} talk={talk} isLit={isLit(row, view.lit)} />}
        </Virtualizer>
      </div>
      {view.toUnread !== undefined && (
        <button type="button" className="to-unread" onClick={view.toUnread}>
          <Icon name="up" />
          {t("toUnread")}
        </button>
      )}
      {!view.isAtEnd && (
        <button
          type="button"
          className="to-end"
          onClick={view.toEnd}
          aria-label={view.news > 0 ? t("toNewest", { count: view.news }) : t("toEnd")}
        >
          {view.news > 0 && <span className="badge">{formatNumber(view.news)}</span>}
          <Icon name="down" />
        </button>
      )}
      <Announcer talkId={talkId} />
    </div>
  );
}

const none: readonly never[] = [];

function isLit(row: Row, id: number | undefined): boolean {
  return row.kind === "message" && row.message.id === id;
}

function useRows(talkId: string) {
  const { store } = useHere();
  const { messages, isComplete, isPast } = useStore(() => store.thread(talkId));
  const allPending = useStore(() => store.pendingOf(talkId));
  const pending = isPast ? none : allPending;
  // The line stays where it was when the talk was opened.
  const [readUpTo] = useState(() => {
    const { unread, seen } = store.talk(talkId);
    return unread > 0 ? seen : undefined;
  });
  const rows = useMemo(
    () => rowsOf({ messages, pending, selfId: store.me.id, readUpTo, isComplete }),
    [messages, pending, store, readUpTo, isComplete],
  );
  return { rows, readUpTo };
}

/** Reads out what others write while the talk is open, and nothing of what is loaded or scrolled to. */
function Announcer({ talkId }: { talkId: string }) {
  const { store } = useHere();
  const last = useStore(() => store.talk(talkId).last);
  const [first] = useState(last?.id ?? 0);
  const isNew = last !== undefined && last.id > first && last.senderId !== store.me.id;
  return (
    <p className="hidden" aria-live="polite">
      {isNew && `${nameOf(store.people.get(last.senderId))}: ${gist(last)}`}
    </p>
  );
}
