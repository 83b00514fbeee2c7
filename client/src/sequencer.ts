import type { DeletedMessage, Message } from "@om/protocol";

/** How far a device has followed one conversation: every change up to `ver`, every message up to `seq`. */
export interface Progress {
  readonly ver: number;
  readonly seq: number;
}

/** A change that the server has pushed; with neither of both it was a position, a change of a group or the answer to an own message. */
export interface Change extends Progress {
  readonly message?: Message;
  /** The message was sent before. */
  readonly isRevision?: boolean;
  /** The message that this change deleted. */
  readonly deletedId?: number;
}

/** A conversation being followed, with what is ahead of its turn. */
export interface SequencerState extends Progress {
  /** Changes that came before the one they follow, in order of `ver`. */
  readonly held: readonly Change[];
  /** The highest version known of; above `ver` something is missing. */
  readonly latestVer: number;
  /** What happens about that: it may still come by itself, or the server is being asked. */
  readonly gap: "none" | "waiting" | "reading";
  /** Messages that a page brought, or brought as deleted, in a state later than `ver`: id → version of that state. */
  readonly ahead: ReadonlyMap<number, number>;
}

/** What changed after `ver` as the server has it, oldest change first, complete up to `upTo`; more follows unless `last`. */
export interface Page {
  readonly messages: readonly Message[];
  readonly deleted: readonly DeletedMessage[];
  readonly upTo: number;
  readonly last: boolean;
}

export type SequencerEvent =
  /** A push, or the `ack` of an own message. */
  | { kind: "change"; change: Change }
  /** The time that a missing change has to arrive by itself is over. */
  | { kind: "waited" }
  /** The server says that the conversation stands at this version. */
  | { kind: "head"; ver: number }
  | { kind: "page"; page: Page }
  /** Follow from here on, without what came before, but for what was pushed meanwhile. */
  | { kind: "start"; at: Progress }
  /** The line is gone: whatever was to come by it comes no more. */
  | { kind: "disconnected" };

/** What a device does about an event, in this order. */
export type Effect =
  | { kind: "message"; message: Message }
  | { kind: "updated"; message: Message }
  /** A message that was emitted, or was there before the device followed the conversation. */
  | { kind: "deleted"; id: number }
  /** Send `waited` a little later. */
  | { kind: "wait" }
  /** Something is missing for good: ask the server for its head and the messages after `ver`. */
  | { kind: "missing" };

type Step = readonly [SequencerState, Effect[]];

/** Changes held per conversation; what comes beyond it is let go and read later. */
const maxHeld = 1_000;

export function startAt(from: Progress = { ver: 0, seq: 0 }): SequencerState {
  return { ver: from.ver, seq: from.seq, held: [], latestVer: from.ver, gap: "none", ahead: new Map() };
}

/**
 * The logic of following one conversation, without any input or output. Its versions are contiguous, so what is old is dropped,
 * what is next is applied, and what is ahead is held until the gap before it is filled. Every message comes out exactly once and in
 * order, whatever is repeated, lost or reordered on the way; one that is deleted before it was emitted is not emitted at all.
 */
export function step(state: SequencerState, event: SequencerEvent): Step {
  if (event.kind === "change") return applyChange(state, event.change);
  if (event.kind === "page") return applyPage(state, event.page);
  if (event.kind === "start") return applyStart(state, event.at);
  if (event.kind === "disconnected") return [{ ...state, held: [], latestVer: state.ver, gap: "none" }, []];
  if (event.kind === "waited") {
    return state.gap === "waiting" ? [{ ...state, gap: "reading" }, [{ kind: "missing" }]] : [state, []];
  }
  if (event.ver <= state.ver) return settle({ ...state, gap: "none" }, []);
  return [{ ...state, latestVer: Math.max(state.latestVer, event.ver), gap: "reading" }, []];
}

function applyChange(state: SequencerState, change: Change): Step {
  if (change.ver <= state.ver) return [state, []];
  if (change.ver === state.ver + 1) {
    const effects: Effect[] = [];
    const next = apply(state, change, effects);
    return drain({ ...next, latestVer: Math.max(state.latestVer, change.ver) }, effects);
  }
  const held = state.held.length < maxHeld ? insert(state.held, change) : state.held;
  return settle({ ...state, held, latestVer: Math.max(state.latestVer, change.ver) }, []);
}

function applyPage(state: SequencerState, page: Page): Step {
  const effects: Effect[] = [];
  const ver = Math.max(state.ver, page.upTo);
  const ahead = new Map(state.ahead);
  let next = state;
  for (const message of page.messages) {
    next = emitMessage({ ...next, ahead }, message, effects);
    recordAhead(ahead, message, ver);
  }
  let { seq } = next;
  for (const gone of page.deleted) {
    if (gone.seq <= state.seq) emitDeleted({ ...state, ahead }, gone, effects);
    recordAhead(ahead, gone, ver);
    // The page holds every message before this one, so this one is passed by.
    seq = Math.max(seq, gone.seq);
  }
  const applied = { ...next, ver, seq, ahead: above(ahead, ver), latestVer: Math.max(state.latestVer, ver) };
  return drain(page.last ? { ...applied, gap: "none" } : applied, effects);
}

/** Keeps in mind what was emitted of a message whose change is still ahead. */
function recordAhead(ahead: Map<number, number>, { id, ver }: { id: number; ver: number }, upTo: number): void {
  if (ver > upTo && ver > (ahead.get(id) ?? 0)) ahead.set(id, ver);
}

function applyStart(state: SequencerState, at: Progress): Step {
  const ver = Math.max(state.ver, at.ver);
  const effects: Effect[] = [];
  let next = state;
  // What was pushed while the head was read came after whatever the user has seen before the device connected.
  for (const change of state.held.filter((one) => one.ver <= ver)) {
    const { message } = change;
    // Of the past, and edited just now.
    const isOld = message !== undefined && (change.isRevision ?? message.version > 1) && message.seq > next.seq;
    if (isOld) effects.push({ kind: "updated", message });
    else next = apply(next, change, effects);
  }
  const seq = Math.max(next.seq, at.seq);
  return drain({ ...state, ver, seq, latestVer: Math.max(state.latestVer, ver), gap: "none" }, effects);
}

/** Applies what is next of what was held. */
function drain(state: SequencerState, effects: Effect[]): Step {
  let next = state;
  let applied = 0;
  for (const change of state.held) {
    if (change.ver > next.ver + 1) break;
    if (change.ver === next.ver + 1) next = apply(next, change, effects);
    applied += 1;
  }
  return settle(applied === 0 ? next : { ...next, held: state.held.slice(applied) }, effects);
}

function settle(state: SequencerState, effects: Effect[]): Step {
  if (state.latestVer <= state.ver) return [state.gap === "none" ? state : { ...state, gap: "none" }, effects];
  if (state.gap !== "none") return [state, effects];
  return [{ ...state, gap: "waiting" }, [...effects, { kind: "wait" }]];
}

function apply(state: SequencerState, change: Change, effects: Effect[]): SequencerState {
  const next = change.message === undefined ? state : emitMessage(state, change.message, effects);
  if (change.deletedId !== undefined) emitDeleted(state, { id: change.deletedId, ver: change.ver }, effects);
  const ahead = above(state.ahead, change.ver);
  return { ...next, ver: change.ver, seq: Math.max(next.seq, change.seq), ahead };
}

function emitMessage(state: SequencerState, message: Message, effects: Effect[]): SequencerState {
  if (message.seq > state.seq) {
    effects.push({ kind: "message", message });
    return { ...state, seq: message.seq };
  }
  if (isUnseen(state, message)) effects.push({ kind: "updated", message });
  return state;
}

function emitDeleted(state: SequencerState, gone: { id: number; ver: number }, effects: Effect[]): void {
  if (isUnseen(state, gone)) effects.push({ kind: "deleted", id: gone.id });
}

function isUnseen(state: SequencerState, { id, ver }: { id: number; ver: number }): boolean {
  return ver > state.ver && ver > (state.ahead.get(id) ?? 0);
}

function above(ahead: ReadonlyMap<number, number>, ver: number): ReadonlyMap<number, number> {
  if (ahead.size === 0) return ahead;
  return new Map([...ahead].filter(([, at]) => at > ver));
}

function insert(held: readonly Change[], change: Change): readonly Change[] {
  const at = held.findLastIndex(({ ver }) => ver <= change.ver);
  return held[at]?.ver === change.ver ? held : held.toSpliced(at + 1, 0, change);
}
