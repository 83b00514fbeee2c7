export {
  createApi,
  memoryTokens,
  OmApiError,
  type Api,
  type ApiOptions,
  type CallInput,
  type Tokens,
  type TokenStore,
} from "./api.ts";
export { OmConnection, type ConnectionEvents, type ConnectOptions } from "./connection.ts";
export { RefusedError, type Ack, type OutboxEntry } from "./outbox.ts";
export { createSequencer, type Change, type Effect, type Followed, type Sequencer } from "./sequencer.ts";
export { memoryState, type DeviceState, type StateStore } from "./state.ts";
