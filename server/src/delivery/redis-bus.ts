import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { Subscriber, type SubscribeEndpoints } from "../platform/redis/subscriber.ts";
import {
  createSharedBus,
  type Carrier,
  type CarrierEvents,
  type SharedBus,
  type SharedBusOptions,
} from "./shared-bus.ts";

interface RedisPlace {
  /** To publish with. */
  redis: Pick<Redis, "call" | "usable">;
  /** The same one, to listen to. */
  endpoints: SubscribeEndpoints;
  /** Number of the database, for the name of the channel. */
  db: number;
}

/** How long the answer to PUBLISH may take, in ms. Nobody waits for it. */
const publishTimeoutMs = 200;

/** The bus of nodes with one Redis: PUBLISH, once for a batch, on one channel that all of them listen to. */
export function createRedisBus(options: RedisPlace & SharedBusOptions): SharedBus {
  return createSharedBus((on) => redisCarrier(options, on), options);
}

function redisCarrier({ redis, endpoints, db }: RedisPlace, on: CarrierEvents): Carrier {
  // Redis numbers its databases, but a channel is one for all of them: so each installation has its own.
  const channel = `om:bus:${db}`;
  const subscriber = new Subscriber({
    endpoints,
    channel,
    onPublished: on.payload,
    onChange: on.listening,
    onDisconnected: on.failed,
  });
  return {
    start: () => subscriber.start(),
    get usable() {
      return redis.usable;
    },
    isAlone: false,
    send: (payload) => redis.call(publishTimeoutMs, "PUBLISH", channel, payload),
    // That Redis is away is told by the one who connects to it.
    isOutage: (error) => error instanceof RedisUnavailable && error.reason !== "error",
    [Symbol.asyncDispose]: () => subscriber[Symbol.asyncDispose](),
  };
}
