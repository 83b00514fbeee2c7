import { createLocalBus } from "../delivery/local-bus.ts";
import { createPostgresBus } from "../delivery/postgres-bus.ts";
import { createRedisBus } from "../delivery/redis-bus.ts";
import type { BusEvents, SharedBus } from "../delivery/shared-bus.ts";
import type { OpenRedis } from "./open-redis.ts";
import { monotonic } from "../platform/clock.ts";
import type { NotificationOptions } from "../platform/postgres/notifications.ts";
import { createStartSignal } from "../platform/start-signal.ts";
import { createBusTelemetry } from "../platform/telemetry/bus-telemetry.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";

/** How long the start waits until the others are heard, in ms. */
const startTimeoutMs = 1_000;

/** By way of what the nodes hear each other. */
interface Between {
  redis: OpenRedis | undefined;
  /** Without Redis: the PostgreSQL that other nodes may use too; undefined: there are none. */
  postgres: NotificationOptions["primary"] | undefined;
}

/** The bus: between all nodes of one Redis, else of one PostgreSQL, or of this node alone. */
export function openBus({ redis, postgres }: Between, secrets: readonly string[], telemetry: Telemetry) {
  if (redis !== undefined) {
    const { redis: client, endpoints, db } = redis;
    return shared((events) => createRedisBus({ redis: client, endpoints, db, secrets, events }), telemetry);
  }
  if (postgres !== undefined)
    return shared((events) => createPostgresBus({ primary: postgres, secrets, events }), telemetry);
  const bus = createLocalBus((error) => telemetry.failure("bus", error));
  return { bus, isAlone: () => true, connect: async () => undefined, [Symbol.asyncDispose]: async () => undefined };
}

function shared(create: (events: BusEvents) => SharedBus, telemetry: Telemetry) {
  const busTelemetry = createBusTelemetry({ telemetry, now: monotonic });
  const signal = createStartSignal();
  const bus = create({
    ...busTelemetry,
    subscribed(is) {
      busTelemetry.subscribed(is);
      if (is) signal.fire();
    },
    subscribeFailed(why) {
      busTelemetry.subscribeFailed(why);
      signal.fire();
    },
  });
  return {
    bus,
    isAlone: bus.isAlone,
    /** Begins to listen to the others; resolves when it does, has failed for the first time or after a second. Never throws. */
    async connect() {
      bus.start();
      await signal.wait(startTimeoutMs);
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}
