import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Virtualizer } from "virtua";
import { formatNumber, t } from "../i18n/index.ts";
import { rowsOf, type Row } from "../text/rows.ts";
import { useHere, useStore } from "./context.ts";
import { Icon } from "./icons.tsx";
import { RowView } from "./message-row.tsx";
import { faceOf, gist, nameOf } from "./names.ts";

/** So near to an end counts as being there, in pixels. */
const nearEnd = 60;
const nearStart = 800;

/** What was said, newest at the bottom; older messages come as one scrolls up to them. */
export function MessageList({ talkId }: { talkId: string }) {
  const { store } = useHere();
  const thread = useStore(() => store.thread(talkId));
  const rows = useRows(talkId);
  const view = useScrolling(talkId, rows);
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
          scrollRef={view.scroller}
          data={rows}
          shift={view.isPrepended}
          bufferSize={600}
          onScroll={view.onScroll}
          onResize={view.onResize}
        >
          {(row) => <RowView key={row.key} row={row} talk={talk} />}
        </Virtualizer>
      </div>
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

function useRows(talkId: string): Row[] {
  const { store } = useHere();
  const { messages } = useStore(() => store.thread(talkId));
  const pending = useStore(() => store.pendingOf(talkId));
  // The line stays where it was when the talk was opened.
  const [readUpTo] = useState(() => {
    const { unread, seen } = store.talk(talkId);
    return unread > 0 ? seen : undefined;
  });
  return useMemo(
    () => rowsOf({ messages, pending, selfId: store.me.id, readUpTo }),
    [messages, pending, store, readUpTo],
  );
}

function useScrolling(talkId: string, rows: readonly Row[]) {
  const { older, seen, store } = useHere();
  const scroller = useRef<HTMLDivElement>(null);
  const stays = useRef(true);
  const before = useRef<readonly Row[]>([]);
  const [isAtEnd, setAtEnd] = useState(true);
  const [seenUpTo, setSeenUpTo] = useState(0);
  const isPrepended = before.current.length > 0 && isOlder(rows, before.current);
  const last = rows.at(-1);
  const newest = newestId(rows);

  const toEnd = (): void => {
    stays.current = true;
    const { current: box } = scroller;
    if (box !== null) box.scrollTop = box.scrollHeight;
  };
  useLayoutEffect(() => {
    const isOwnNew = last?.kind === "pending" && before.current.at(-1)?.key !== last.key;
    before.current = rows;
    if (stays.current || isOwnNew) toEnd();
  });
  useEffect(() => {
    const look = (): void => {
      if (!isAtEnd || document.visibilityState !== "visible" || !document.hasFocus()) return;
      setSeenUpTo(newest);
      seen(talkId);
    };
    look();
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, [isAtEnd, newest, seen, talkId]);
  const fill = (): void => {
    const top = scroller.current?.scrollTop ?? nearStart;
    if (top < nearStart) void older(talkId).catch(() => undefined);
  };
  const reach = (): void => {
    const { current: box } = scroller;
    if (box === null) return;
    stays.current = box.scrollHeight - box.clientHeight - box.scrollTop <= nearEnd;
    setAtEnd(stays.current);
    fill();
  };
  // What does not fill the view is no reason to wait for somebody to scroll.
  useEffect(fill, [rows, talkId]);
  const news = isAtEnd
    ? 0
    : store.thread(talkId).messages.filter(({ id, senderId }) => id > seenUpTo && senderId !== store.me.id).length;
  return {
    scroller,
    isPrepended,
    isAtEnd,
    news: seenUpTo === 0 ? 0 : news,
    toEnd,
    onScroll: reach,
    onResize: () => stays.current && toEnd(),
  };
}

function newestId(rows: readonly Row[]): number {
  const row = rows.findLast(({ kind }) => kind === "message");
  return row?.kind === "message" ? row.message.id : 0;
}

/** Whether messages were added before the first one. */
function isOlder(rows: readonly Row[], before: readonly Row[]): boolean {
  const first = (all: readonly Row[]): number => {
    const row = all.find(({ kind }) => kind === "message");
    return row?.kind === "message" ? row.message.seq : Number.POSITIVE_INFINITY;
  };
  return first(rows) < first(before) && Number.isFinite(first(before));
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
