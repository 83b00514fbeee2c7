import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Bus } from "./bus.ts";
import { createEncoder, createSigner, decodeEvents } from "./event-bytes.ts";
import { createLocalBus } from "./local-bus.ts";
import type { Push, SessionEnd } from "./push.ts";

/** What is counted and told about the bus. */
export interface BusEvents {
  /** Events were given to the other nodes. */
  published(count: number): void;
  /** An event of another node was handed on. */
  received(): void;
  /** An event did not reach the other nodes, or what came from there was none. */
  dropped(reason: "unsent" | "too_large" | "invalid" | "forged"): void;
  /** What other nodes tell comes in from now on, or no longer. */
  subscribed(is: boolean): void;
  /** It could not be listened, or no longer; a text without secrets. */
  subscribeFailed(why: string): void;
  /** A defect, or it is not allowed. */
  failure(error: unknown): void;
}

/** What a carrier hears. */
export interface CarrierEvents {
  /** Something came; must not throw. */
  payload(payload: Buffer): void;
  listening(is: boolean): void;
  failed(why: string): void;
}

/** Takes the payloads of a node to all nodes, itself too or not, in the order of each sender, each at most once. */
export interface Carrier extends AsyncDisposable {
  /** Begins to listen, and never gives up until it is disposed. */
  start(): void;
  /** What is sent now may arrive. */
  readonly usable: boolean;
  /** There is nobody to send to. */
  readonly isAlone: boolean;
  /** @throws when it may not have left, `isOutage` of which is told by the carrier itself */
  send(payload: Buffer): Promise<unknown>;
  isOutage(error: unknown): boolean;
}

export interface SharedBusOptions {
  /** From which the keys are derived that events are signed with: the first signs, each is accepted; "" is none. */
  secrets: readonly string[];
  events: BusEvents;
}

/** The most that is sent at once, in bytes; the ids of 10,000 members are at most 50 kB of it. */
export const maxPayloadBytes = 1_048_576;
/** How often session ends are told again that could not be told, in ms, and how many of them may wait; open sessions are looked up each minute anyway. */
const retryMs = 1_000;
const maxUntold = 1_000;

export interface SharedBus extends Bus, AsyncDisposable {
  /** Begins to listen, and never gives up until it is disposed. */
  start(): void;
  /** No other node is heard of. */
  isAlone(): boolean;
}

/**
 * The bus of several nodes. This node's sockets get an event at once and whatever becomes of the carrier; the other nodes get it by the
 * carrier, in the order of each publisher. What is published while it is away, or while a node does not listen, is not sent again, but for the
 * ends of sessions: clients see the gap by version and seq and catch up. What is not signed, or was heard before, is from a stranger.
 */
export function createSharedBus(carry: (on: CarrierEvents) => Carrier, options: SharedBusOptions): SharedBus {
  const { events } = options;
  const signer = createSigner(options.secrets);
  const encoder = createEncoder(randomUUID(), signer);
  /** The number of the last payload of each node. */
  const heard = new LRUCache<string, number>({ max: 1_000 });
  let onGap = (): void => undefined;
  const local = createLocalBus(events.failure);
  const carrier = carry({
    payload: receive,
    listening(is) {
      events.subscribed(is);
      if (is) onGap();
    },
    failed: events.subscribeFailed,
  });
  const publisher = createPublisher({ carrier, events, encoder });

  function receive(payload: Buffer): void {
    if (encoder.isOwn(payload)) return;
    if (payload.length > maxPayloadBytes) return events.dropped("too_large");
    if (!signer.isSigned(payload)) return events.dropped("forged");
    const { node, number, events: within } = decodeEvents(payload);
    if (node !== "" && number <= (heard.get(node) ?? 0)) return events.dropped("forged");
    heard.set(node, number);
    for (const event of within) {
      if (event === undefined) events.dropped("invalid");
      else {
        events.received();
        local.publish([event]);
      }
    }
  }

  return {
    start: () => carrier.start(),
    isAlone: () => carrier.isAlone,
    publish(given) {
      local.publish(given);
      if (!carrier.isAlone) publisher.send(given);
    },
    subscribe(receiver, onMissed = () => undefined) {
      local.subscribe(receiver);
      onGap = onMissed;
    },
    async [Symbol.asyncDispose]() {
      publisher[Symbol.dispose]();
      await carrier[Symbol.asyncDispose]();
    },
  };
}

interface PublisherOptions {
  carrier: Carrier;
  events: BusEvents;
  encoder: Pick<ReturnType<typeof createEncoder>, "encode">;
}

/** Tells the other nodes, and of the ends of sessions again what could not be told. */
function createPublisher({ carrier, events, encoder }: PublisherOptions) {
  let untold: SessionEnd[] = [];

  function send(given: readonly (Push | SessionEnd)[]): void {
    const told = given.filter((event) => "ended" in event || event.userIds.length > 0);
    if (!carrier.usable) return drop(told);
    for (const { payload, events: within } of encoder.encode(told, maxPayloadBytes)) {
      if (payload.length > maxPayloadBytes) events.dropped("too_large");
      else publish(payload, within);
    }
  }

  function publish(payload: Buffer, within: readonly (Push | SessionEnd)[]): void {
    carrier.send(payload).then(
      () => events.published(within.length),
      (error: unknown) => {
        drop(within);
        if (!carrier.isOutage(error)) events.failure(error);
      },
    );
  }

  function drop(unsent: readonly (Push | SessionEnd)[]): void {
    for (const event of unsent) {
      events.dropped("unsent");
      if ("ended" in event && untold.length < maxUntold) untold.push(event);
    }
  }

  const retry = setInterval(() => {
    if (untold.length === 0 || !carrier.usable) return;
    const again = untold;
    untold = [];
    send(again);
  }, retryMs).unref();
  return { send, [Symbol.dispose]: (): void => clearInterval(retry) };
}
