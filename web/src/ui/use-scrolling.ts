import { useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import type { VirtualizerHandle } from "virtua";
import type { Row } from "../text/rows.ts";
import { useHere, useStore } from "./context.ts";

/** So near to an end counts as being there, in pixels. */
const nearEnd = 60;
const nearStart = 800;
/** While the view goes somewhere, nothing is added before it, in ms. */
const goingMs = 250;

/** Where a talk is looked at: at its end as long as nobody scrolls away, or at what somebody came for. */
export function useScrolling(talkId: string, rows: readonly Row[], readUpTo: number | undefined) {
  const { older, newer, newest, store } = useHere();
  const { era, isPast } = useStore(() => store.thread(talkId));
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useRef<VirtualizerHandle>(null);
  /** Whether what comes in is followed. Only somebody who scrolls up leaves the end: what grows does not. */
  const stays = useRef(true);
  const top = useRef(0);
  const goingUntil = useRef(0);
  const before = useRef<{ rows: readonly Row[]; era: number }>({ rows: [], era });
  const [isAtEnd, setAtEnd] = useState(true);
  const isPrepended = before.current.era === era && isOlder(rows, before.current.rows);
  const last = rows.at(-1);

  const toEnd = (): void => {
    stays.current = true;
    const { current: box } = scroller;
    if (box !== null) box.scrollTop = box.scrollHeight;
  };
  const look = (): void => {
    const { current: box } = scroller;
    if (box === null) return;
    const left = box.scrollHeight - box.clientHeight - box.scrollTop;
    if (left <= nearEnd) stays.current = !isPast;
    else if (box.scrollTop < top.current - 1) stays.current = false;
    top.current = box.scrollTop;
    setAtEnd(stays.current);
    if (performance.now() < goingUntil.current) return;
    if (box.scrollTop < nearStart) void older(talkId).catch(() => undefined);
    if (isPast && left < nearStart) void newer(talkId).catch(() => undefined);
  };
  const goTo = (index: number, align: "center" | "start"): void => {
    stays.current = false;
    goingUntil.current = performance.now() + goingMs;
    virtualizer.current?.scrollToIndex(index, { align });
    setTimeout(look, goingMs);
  };
  const lit = useFocus(talkId, rows, goTo);
  const toUnread = useUnread({ talkId, rows, readUpTo, goTo });
  useLayoutEffect(() => {
    const isOwnNew = last?.kind === "pending" && before.current.rows.at(-1)?.key !== last.key;
    if (before.current.era !== era && !isPast) stays.current = true;
    before.current = { rows, era };
    if (stays.current || isOwnNew) toEnd();
  });
  // What does not fill the view is no reason to wait for somebody to scroll.
  useEffect(look, [rows, talkId, isPast]);
  useFrame(scroller, () => stays.current && toEnd());
  const news = useNews(talkId, rows, isAtEnd);
  return {
    scroller,
    virtualizer,
    isPrepended,
    isAtEnd,
    lit,
    news,
    toEnd: () => (isPast ? void newest(talkId) : toEnd()),
    toUnread,
    onScroll: look,
    onResize: () => stays.current && toEnd(),
  };
}

/** Goes to the message that somebody came for, once it is among the rows. @returns its id */
function useFocus(talkId: string, rows: readonly Row[], goTo: (index: number, align: "center") => void) {
  const focus = useStore(({ focus }) => (focus?.talkId === talkId ? focus : undefined));
  const done = useRef(focus);
  const index = rows.findIndex((row) => row.kind === "message" && row.message.id === focus?.messageId);
  useLayoutEffect(() => {
    if (done.current === focus || index < 0) return;
    done.current = focus;
    goTo(index, "center");
  });
  return focus?.messageId;
}

interface Unread {
  talkId: string;
  rows: readonly Row[];
  readUpTo: number | undefined;
  goTo: (index: number, align: "start") => void;
}

/** A talk opens where reading was left off. @returns the way there, where it is too far away for that */
function useUnread({ talkId, rows, readUpTo, goTo }: Unread): (() => void) | undefined {
  const { jump, store } = useHere();
  const [isFar, setFar] = useState(false);
  const isPlaced = useRef(readUpTo === undefined);
  const index = rows.findIndex(({ kind }) => kind === "unread");
  useLayoutEffect(() => {
    if (isPlaced.current || rows.length === 0 || store.focus?.talkId === talkId) return;
    isPlaced.current = true;
    setFar(index < 0);
    if (index > 0) goTo(index, "start");
  });
  return isFar && index < 0 && readUpTo !== undefined ? () => void jump(talkId, readUpTo) : undefined;
}

/** How many messages came below what is looked at; what is looked at is told as read. */
function useNews(talkId: string, rows: readonly Row[], isAtEnd: boolean): number {
  const { seen, store } = useHere();
  const [seenUpTo, setSeenUpTo] = useState(0);
  const newest = newestId(rows);
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
  const unread = useStore(() => store.talk(talkId).unread);
  const { messages, isPast } = store.thread(talkId);
  if (isAtEnd) return 0;
  if (isPast || seenUpTo === 0) return unread;
  return messages.filter(({ id, senderId }) => id > seenUpTo && senderId !== store.me.id).length;
}

/** Tells when the box has another size, such as when a keyboard comes up. */
function useFrame(box: RefObject<HTMLElement | null>, changed: () => void): void {
  const call = useRef(changed);
  useLayoutEffect(() => {
    call.current = changed;
  });
  useEffect(() => {
    const observer = new ResizeObserver(() => call.current());
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [box]);
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
