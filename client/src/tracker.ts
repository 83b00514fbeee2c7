import type { Conversation } from "@om/protocol";
import {
  startAt,
  step,
  type Change,
  type Effect,
  type Progress,
  type SequencerState,
  type Page,
  type SequencerEvent,
} from "./sequencer.ts";

/** All conversations that a device follows. */
export interface Tracker {
  change(conversationId: string, change: Change): void;
  /** @returns the version after which messages have to be read; undefined: nothing is missing */
  head(head: Conversation): number | undefined;
  page(conversationId: string, page: Page): void;
  /** Follows the conversation from here on. */
  start(conversationId: string, at: Progress): void;
  progress(conversationId: string): Progress | undefined;
  all(): [conversationId: string, followed: Progress][];
  /** After a catch-up: what was to be read is read, or has to be noticed again. */
  caughtUp(): void;
  /** The server went back in time: follow it, from `at` on. */
  rewind(conversationId: string, at: Progress): void;
  /** These are not there any more; should they come back, they begin anew. */
  forget(conversationIds: Iterable<string>): void;
  /** The line is gone. */
  disconnected(): void;
}

interface Options {
  start: Iterable<readonly [string, Progress]>;
  onEffect(conversationId: string, effect: Exclude<Effect, { kind: "wait" | "missing" }>): void;
  /** Something is missing that did not come by itself within `reorderMs`. */
  missing(): void;
  reorderMs: number;
}

export function createTracker(options: Options): Tracker {
  const states = new Map<string, SequencerState>();
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  for (const [id, followed] of options.start) states.set(id, startAt(followed));

  function apply(id: string, event: SequencerEvent): SequencerState {
    const [next, effects] = step(states.get(id) ?? startAt(), event);
    states.set(id, next);
    for (const effect of effects) {
      if (effect.kind === "wait") wait(id);
      else if (effect.kind === "missing") options.missing();
      else options.onEffect(id, effect);
    }
    return next;
  }

  function wait(id: string): void {
    clearTimeout(timers.get(id));
    const over = (): void => {
      timers.delete(id);
      apply(id, { kind: "waited" });
    };
    timers.set(id, setTimeout(over, options.reorderMs));
  }

  return {
    change: (id, change) => void apply(id, { kind: "change", change }),
    head(conversation) {
      const next = apply(conversation.conversation_id, { kind: "head", ver: conversation.ver });
      return next.ver < conversation.ver ? next.ver : undefined;
    },
    page: (id, page) => void apply(id, { kind: "page", page }),
    start: (id, at) => void apply(id, { kind: "start", at }),
    progress: (id) => states.get(id),
    all: () => [...states].map(([id, { ver, seq }]) => [id, { ver, seq }]),
    caughtUp() {
      for (const [id, { gap, ver }] of states) if (gap === "reading") apply(id, { kind: "head", ver });
    },
    rewind: (id, at) => void states.set(id, startAt(at)),
    forget(ids) {
      for (const id of ids) {
        states.delete(id);
        clearTimeout(timers.get(id));
        timers.delete(id);
      }
    },
    disconnected() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      for (const id of states.keys()) apply(id, { kind: "disconnected" });
    },
  };
}
