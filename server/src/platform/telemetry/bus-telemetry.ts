import type { Registry } from "prom-client";
import { instruments } from "./instruments.ts";
import { createOutage } from "./outage.ts";
import type { Telemetry } from "./telemetry.ts";

/** Metrics of the bus between nodes; they exist only where a Redis is configured. */
export function createBusMetrics(registry: Registry) {
  const { counter, gauge } = instruments(registry);
  return {
    published: counter("om_bus_published_total", "Events given to the other nodes"),
    received: counter("om_bus_received_total", "Events of other nodes"),
    dropped: counter(
      "om_bus_dropped_total",
      "Events that did not reach other nodes, or were none, by reason",
      "reason",
    ),
    reconnects: counter("om_bus_reconnects_total", "Times that it listened to the other nodes again"),
    listening: gauge("om_bus_listening", "Events of other nodes reach this one", undefined, "min"),
  };
}

/** Counts what happens on the bus between nodes; logs when they do not reach this one, then once a minute if the reason changes. */
export function createBusTelemetry({ telemetry, now }: { telemetry: Telemetry; now: () => number }) {
  const metrics = createBusMetrics(telemetry.metrics.registry);
  const outage = createOutage(telemetry.log, now);
  let listened = false;
  return {
    published: (count: number): void => metrics.published.inc(count),
    received: (): void => metrics.received.inc(),
    dropped: (reason: string): void => metrics.dropped.inc({ reason }),
    failure: (error: unknown): void => telemetry.failure("bus", error),
    subscribed(is: boolean): void {
      metrics.listening.set(Number(is));
      if (!is) return;
      if (listened) metrics.reconnects.inc();
      listened = true;
      if (outage.end()) telemetry.log.info("what other nodes push arrives again");
    },
    subscribeFailed: (why: string): void => outage.begin(why, `what other nodes push does not arrive: ${why}`),
  };
}
