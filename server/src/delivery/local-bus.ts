import type { Bus } from "./bus.ts";
import type { Push, SessionEnd } from "./push.ts";

/** The bus of a single node: hands every event straight to it. */
export function createLocalBus(onError: (error: unknown) => void): Bus {
  let receive: (event: Push | SessionEnd) => void = () => undefined;
  return {
    publish(events) {
      for (const event of events) {
        try {
          receive(event);
        } catch (error) {
          onError(error);
        }
      }
    },
    subscribe(receiver) {
      receive = receiver;
    },
  };
}
