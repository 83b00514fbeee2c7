import { createLocalBus } from "../delivery/local-bus.ts";
import { createRedisBus } from "../delivery/redis-bus.ts";
import type { OpenRedis } from "./open-redis.ts";
import { createStartSignal } from "../platform/start-signal.ts";
import { createBusTelemetry } from "../platform/telemetry/bus-telemetry.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";

/** How long the start waits until the others are heard, in ms. */
const startTimeoutMs = 1_000;

/** The bus: between all nodes of one Redis, or of this node alone. */
export function openBus(opened: OpenRedis | undefined, secrets: readonly string[], telemetry: Telemetry) {
  if (opened === undefined) {
    const bus = createLocalBus((error) => telemetry.failure("bus", error));
    return { bus, connect: async () => undefined, [Symbol.asyncDispose]: async () => undefined };
  }
  const busTelemetry = createBusTelemetry({ telemetry, now: Date.now });
  const signal = createStartSignal();
  const bus = createRedisBus({
    redis: opened.redis,
    endpoints: opened.endpoints,
    db: opened.db,
    secrets,
    events: {
      ...busTelemetry,
      subscribed(is) {
        busTelemetry.subscribed(is);
        if (is) signal.fire();
      },
      subscribeFailed(why) {
        busTelemetry.subscribeFailed(why);
        signal.fire();
      },
    },
  });
  return {
    bus,
    /** Begins to listen to the others; resolves when it does, has failed for the first time or after a second. Never throws. */
    async connect() {
      bus.start();
      await signal.wait(startTimeoutMs);
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}
