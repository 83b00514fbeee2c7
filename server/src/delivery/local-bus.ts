import type { Bus } from "./bus.ts";
import type { Push } from "./push.ts";

/** The bus of a single node: hands every push straight to it. */
export function createLocalBus(onError: (error: unknown) => void): Bus {
  let receive: (push: Push) => void = () => undefined;
  return {
    publish(pushes) {
      for (const push of pushes) {
        try {
          receive(push);
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
