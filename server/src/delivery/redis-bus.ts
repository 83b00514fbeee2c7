import { randomUUID } from "node:crypto";
import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { Subscriber, type SubscribeEndpoints } from "../platform/redis/subscriber.ts";
import type { Bus } from "./bus.ts";
import { decodeEvents, encodeEvents, ownEvents } from "./event-bytes.ts";
import { createLocalBus } from "./local-bus.ts";
import type { Push, SessionEnd } from "./push.ts";

/** What is counted and told about the bus. */
export interface BusEvents {
  /** Redis has passed events on to the other nodes. */
  published(count: number): void;
  /** An event of another node was handed on. */
  received(): void;
  /** An event did not reach the other nodes, or what came from there was none. */
  dropped(reason: "unsent" | "too_large" | "invalid"): void;
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
  events: BusEvents;
}

/** The most that is published at once, in bytes; the ids of 10,000 members are at most 50 kB of it. */
const maxBytes = 1_048_576;
/** How long the answer to PUBLISH may take, in ms. Nobody waits for it. */
const publishTimeoutMs = 200;

export interface RedisBus extends Bus, AsyncDisposable {
  /** Begins to listen, and never gives up until it is disposed. */
  start(): void;
}

/**
 * The bus of several nodes with one Redis. This node's sockets get an event at once and whatever becomes of Redis; the other nodes get it
 * by PUBLISH on one channel that all of them listen to, in the order of each publisher. What is published while Redis is away, or while a node
 * does not listen, is not sent again: clients see the gap by version and seq and catch up.
 */
export function createRedisBus({ redis, endpoints, db, events }: RedisBusOptions): RedisBus {
  const node = randomUUID();
  const isOwn = ownEvents(node);
  // Redis numbers its databases, but a channel is one for all of them: so each installation has its own.
  const channel = `om:bus:${db}`;
  const local = createLocalBus(events.failure);
  const subscriber = new Subscriber({
    endpoints,
    channel,
    onPublished: receive,
    onChange: events.subscribed,
    onDisconnected: events.subscribeFailed,
  });

  function send(given: readonly (Push | SessionEnd)[]): void {
    const told = given.filter((event) => "ended" in event || event.userIds.length > 0);
    if (!redis.usable) return told.forEach(() => events.dropped("unsent"));
    for (const { payload, count } of encodeEvents(node, told, maxBytes)) {
      if (payload.length > maxBytes) events.dropped("too_large");
      else publishTo(payload, count);
    }
  }

  function publishTo(payload: Buffer, count: number): void {
    redis.call(publishTimeoutMs, "PUBLISH", channel, payload).then(
      () => events.published(count),
      (error: unknown) => {
        for (let i = 0; i < count; i++) events.dropped("unsent");
        // That Redis is away is told by the one who connects to it.
        if (!(error instanceof RedisUnavailable) || error.reason === "error") events.failure(error);
      },
    );
  }

  function receive(payload: Buffer): void {
    if (isOwn(payload)) return;
    if (payload.length > maxBytes) return events.dropped("too_large");
    for (const event of decodeEvents(payload)) {
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
      send(given);
    },
    subscribe: local.subscribe,
    [Symbol.asyncDispose]: () => subscriber[Symbol.asyncDispose](),
  };
}
