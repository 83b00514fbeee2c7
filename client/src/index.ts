export { OmApiError } from "./api-error.ts";
export { createApi, type Api, type ApiOptions, type CallInput } from "./api.ts";
export { connect, OmConnection, type ConnectOptions } from "./connection.ts";
export type { ClearedEvent, ConnectionEvents, PositionEvent } from "./connection-events.ts";
export type { Draft } from "./outgoing.ts";
export { RefusedError, type Ack, type OutboxEntry } from "./outbox.ts";
export {
  startAt,
  step,
  type Change,
  type Effect,
  type Progress,
  type SequencerState,
  type Page,
  type SequencerEvent,
} from "./sequencer.ts";
export { memoryState, type DeviceState, type StateStore } from "./state.ts";
export { conversationIdOf, type Target } from "./target.ts";
export type { Timing } from "./timing.ts";
export { memoryTokens, decodeClaims, type Tokens, type TokenStore } from "./tokens.ts";
