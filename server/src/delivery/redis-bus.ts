import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { Subscriber, type SubscribeEndpoints } from "../platform/redis/subscriber.ts";
import type { Bus } from "./bus.ts";
import { createEncoder, createSigner, decodeEvents } from "./event-bytes.ts";
import { createLocalBus } from "./local-bus.ts";
import type { Push, SessionEnd } from "./push.ts";

/** What is counted and told about the bus. */
export interface BusEvents {
  /** Redis has passed events on to the other nodes. */
  published(count: number): void;
  /** An event of another node was handed on. */
  received(): void;
  /** An event did not reach the other nodes, or what came from there was none. */
  dropped(reason: "unsent" | "too_large" | "invalid" | "forged"): void;
  /** What other nodes tell comes in from now on, or no longer. */
  subscribed(is: boolean): void;
  /** It could not be listened, or no longer; a text without secrets. */
  subscribeFailed(why: string): void;
  /** A defect, or Redis does not allow it. */
  failure(error: unknown): void;
}

interface RedisBusOptions {
  /** To publish with. */
  redis: Pick<Redis, "call" | "usable">;
  /** The same one, to listen to. */
  endpoints: SubscribeEndpoints;
  /** Number of the database, for the name of the channel. */
  db: number;
  /** From which the keys are derived that events are signed with: the first signs, each is accepted; "" is none. */
  secrets: readonly string[];
  events: BusEvents;
}

/** The most that is published at once, in bytes; the ids of 10,000 members are at most 50 kB of it. */
const maxBytes = 1_048_576;
/** How long the answer to PUBLISH may take, in ms. Nobody waits for it. */
const publishTimeoutMs = 200;
/** How often session ends are told again that could not be told, in ms, and how many of them may wait; open sessions are looked up each minute anyway. */
const retryMs = 1_000;
const maxUntold = 1_000;

export interface RedisBus extends Bus, AsyncDisposable {
  /** Begins to listen, and never gives up until it is disposed. */
  start(): void;
}

/**
 * The bus of several nodes with one Redis. This node's sockets get an event at once and whatever becomes of Redis; the other nodes get it
 * by PUBLISH on one channel that all of them listen to, in the order of each publisher. What is published while Redis is away, or while a node
 * does not listen, is not sent again, but for the ends of sessions: clients see the gap by version and seq and catch up. What is not signed, or was
 * heard before, is from a stranger.
 */
export function createRedisBus(options: RedisBusOptions): RedisBus {
  const { endpoints, db, events } = options;
  const signer = createSigner(options.secrets);
  const encoder = createEncoder(randomUUID(), signer);
  /** The number of the last payload of each node. */
  const heard = new LRUCache<string, number>({ max: 1_000 });
  let onGap = (): void => undefined;
  // Redis numbers its databases, but a channel is one for all of them: so each installation has its own.
  const channel = `om:bus:${db}`;
  const local = createLocalBus(events.failure);
  const publisher = createPublisher({ ...options, channel, encoder });
  const subscriber = new Subscriber({
    endpoints,
    channel,
    onPublished: receive,
    onChange(listening) {
      events.subscribed(listening);
      if (listening) onGap();
    },
    onDisconnected: events.subscribeFailed,
  });

  function receive(payload: Buffer): void {
    if (encoder.isOwn(payload)) return;
    if (payload.length > maxBytes) return events.dropped("too_large");
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
    start: () => subscriber.start(),
    publish(given) {
      local.publish(given);
      publisher.send(given);
    },
    subscribe(receiver, onMissed = () => undefined) {
      local.subscribe(receiver);
      onGap = onMissed;
    },
    async [Symbol.asyncDispose]() {
      publisher[Symbol.dispose]();
      await subscriber[Symbol.asyncDispose]();
    },
  };
}

interface PublisherOptions extends Pick<RedisBusOptions, "redis" | "events"> {
  channel: string;
  encoder: Pick<ReturnType<typeof createEncoder>, "encode">;
}

/** Tells the other nodes, and of the ends of sessions again what could not be told. */
function createPublisher({ redis, events, channel, encoder }: PublisherOptions) {
  let untold: SessionEnd[] = [];

  function send(given: readonly (Push | SessionEnd)[]): void {
    const told = given.filter((event) => "ended" in event || event.userIds.length > 0);
    if (!redis.usable) return drop(told);
    for (const { payload, events: within } of encoder.encode(told, maxBytes)) {
      if (payload.length > maxBytes) events.dropped("too_large");
      else publish(payload, within);
    }
  }

  function publish(payload: Buffer, within: readonly (Push | SessionEnd)[]): void {
    redis.call(publishTimeoutMs, "PUBLISH", channel, payload).then(
      () => events.published(within.length),
      (error: unknown) => {
        drop(within);
        // That Redis is away is told by the one who connects to it.
        if (!(error instanceof RedisUnavailable) || error.reason === "error") events.failure(error);
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
    if (untold.length === 0 || !redis.usable) return;
    const again = untold;
    untold = [];
    send(again);
  }, retryMs).unref();
  return { send, [Symbol.dispose]: (): void => clearInterval(retry) };
}
