import { startFaultProxy } from "@om/services";
import type { ProxyOrder } from "./proxies.ts";

// Runs the proxies in a process of their own: they must not be late when the harness is busy.
const [, , count, targetPort] = process.argv;
const proxies = await Promise.all(Array.from({ length: Number(count) }, () => startFaultProxy(Number(targetPort))));
process.on("message", ({ index, fault, aim, number }: ProxyOrder) => {
  const proxy = proxies[index];
  if (aim !== undefined) proxy?.aim(aim);
  if (fault !== undefined) proxy?.mode(fault);
  process.send?.({ number });
});
process.once("disconnect", () => process.exit());
process.send?.({ ports: proxies.map(({ port }) => port) });
