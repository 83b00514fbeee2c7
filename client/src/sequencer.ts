import type { Message } from "@om/protocol";

/** How far a device has followed one conversation: every change up to `ver`, every message up to `seq`. */
export interface Followed {
  ver: number;
  seq: number;
}

/** A change that the server told of; `message` is absent when it was none (a position, or the answer to an own message). */
export interface Change {
  conversationId: string;
  ver: number;
  /** Messages in the conversation when it happened. */
  seq: number;
  message?: Message;
}

/** What a device does about what it was told, in this order. */
export type Effect =
  | { kind: "message"; message: Message }
  | { kind: "updated"; message: Message }
  | { kind: "applied"; change: Change }
  | { kind: "gap"; conversationId: string };

/**
 * The logic of following conversations, without any input or output: versions of a conversation are contiguous, so what is old is
 * dropped, what is next is applied, and what is ahead is held until the gap before it is filled. Every message comes out exactly
 * once and in order, whatever is repeated, lost or reordered on the way.
 */
export interface Sequencer {
  /** A live change. A gap is told each time something stays held behind it. */
  live(change: Change): Effect[];
  /**
   * What the server answered for a conversation whose head is (or was, before the messages were read) at `head`: everything that
   * changed after what `followed` said.
   */
  caughtUp(conversationId: string, head: Followed, messages: readonly Message[]): Effect[];
  /** Starts to follow at the present, without what came before. */
  startAt(conversationId: string, head: Followed): void;
  followed(conversationId: string): Followed | undefined;
  all(): [conversationId: string, followed: Followed][];
}

/** Changes held per conversation; beyond it the newest are dropped, and the gap before them fetches them anyway. */
const maxHeld = 1_000;

export function createSequencer(start: Iterable<readonly [string, Followed]> = []): Sequencer {
  const conversations = new Map<string, Followed & { held: Map<number, Change> }>();
  for (const [id, { ver, seq }] of start) conversations.set(id, { ver, seq, held: new Map() });

  function of(id: string): Followed & { held: Map<number, Change> } {
    let state = conversations.get(id);
    if (state === undefined) {
      state = { ver: 0, seq: 0, held: new Map() };
      conversations.set(id, state);
    }
    return state;
  }

  function applyNext(id: string): Effect[] {
    const state = of(id);
    const effects: Effect[] = [];
    for (let next = state.held.get(state.ver + 1); next !== undefined; next = state.held.get(state.ver + 1)) {
      state.held.delete(next.ver);
      if (next.message !== undefined) effects.push(...emit(state, next.message));
      state.ver = next.ver;
      state.seq = Math.max(state.seq, next.seq);
      effects.push({ kind: "applied", change: next });
    }
    for (const ver of state.held.keys()) if (ver <= state.ver) state.held.delete(ver);
    if (state.held.size > 0) effects.push({ kind: "gap", conversationId: id });
    return effects;
  }

  return {
    live(change) {
      const state = of(change.conversationId);
      if (change.ver <= state.ver) return [];
      if (state.held.size < maxHeld || change.ver === state.ver + 1) state.held.set(change.ver, change);
      return applyNext(change.conversationId);
    },
    caughtUp(conversationId, head, messages) {
      const state = of(conversationId);
      const effects: Effect[] = [];
      const newest = messages.filter(({ seq }) => seq > state.seq).toSorted((a, b) => a.seq - b.seq);
      const changed = messages.filter(({ seq }) => seq <= state.seq);
      for (const message of [...changed, ...newest]) effects.push(...emit(state, message));
      state.ver = Math.max(state.ver, head.ver);
      state.seq = Math.max(state.seq, head.seq);
      return [...effects, ...applyNext(conversationId)];
    },
    startAt(conversationId, head) {
      const state = of(conversationId);
      state.ver = Math.max(state.ver, head.ver);
      state.seq = Math.max(state.seq, head.seq);
    },
    followed(conversationId) {
      const state = conversations.get(conversationId);
      return state === undefined ? undefined : { ver: state.ver, seq: state.seq };
    },
    all: () => [...conversations].map(([id, { ver, seq }]) => [id, { ver, seq }]),
  };
}

function emit(state: Followed, message: Message): Effect[] {
  if (message.seq > state.seq) {
    state.seq = message.seq;
    return [{ kind: "message", message }];
  }
  return message.ver > state.ver ? [{ kind: "updated", message }] : [];
}
