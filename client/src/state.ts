import type { OutboxEntry } from "./outbox.ts";
import type { Progress } from "./sequencer.ts";
import { targetOf, type Target } from "./target.ts";

/** What a device must remember to resume without loss: how far it has followed, and what it has not sent yet. */
export interface DeviceState {
  cursor: string;
  conversations: [conversationId: string, followed: Progress][];
  outbox: OutboxEntry[];
  /** Messages whose read receipt may not have arrived. */
  reads?: number[];
}

/** Where the state lives. `save` is called after the application has received what the state contains. */
export interface StateStore {
  load(): DeviceState | undefined;
  save(state: DeviceState): void;
}

export function memoryState(state?: DeviceState): StateStore {
  let held = state;
  return { load: () => held, save: (next) => void (held = next) };
}

/** Earlier versions named the recipient of a waiting message by id alone. */
export function loadState(
  state: (Omit<DeviceState, "outbox"> & { outbox: SavedEntry[] }) | undefined,
): DeviceState | undefined {
  return state === undefined
    ? undefined
    : { ...state, outbox: state.outbox.map((entry) => ({ ...entry, to: targetOf(entry.to) })) };
}

type SavedEntry = Omit<OutboxEntry, "to"> & { to: number | Target };

/** Saves now, at the end of this turn, or a little later; a burst is saved once. */
export interface StateSaver {
  now(): void;
  turn(): void;
  soon(): void;
}

export function createStateSaver(save: () => void, delayMs: number): StateSaver {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turning = false;
  const now = (): void => {
    clearTimeout(timer);
    timer = undefined;
    save();
  };
  return {
    now,
    turn() {
      if (turning) return;
      turning = true;
      queueMicrotask(() => {
        turning = false;
        now();
      });
    },
    soon: () => void (timer ??= setTimeout(now, delayMs)),
  };
}
