import type { OutboxEntry } from "./outbox.ts";
import type { Followed } from "./sequencer.ts";

/** What a device must remember to resume without loss: how far it has followed, and what it has not sent yet. */
export interface DeviceState {
  cursor: string;
  conversations: [conversationId: string, followed: Followed][];
  outbox: OutboxEntry[];
}

/** Where the state lives. `save` is called after the application has been told of what the state contains. */
export interface StateStore {
  load(): DeviceState | undefined;
  save(state: DeviceState): void;
}

export function memoryState(state?: DeviceState): StateStore {
  let held = state;
  return { load: () => held, save: (next) => void (held = next) };
}
