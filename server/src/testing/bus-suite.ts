import { expect, test, vi } from "vitest";
import type { Bus } from "../delivery/bus.ts";
import { Frame, type Push, type SessionEnd } from "../delivery/push.ts";

/** A push of `text` to one user. */
export function pushOf(text: string, userId = 7): Push {
  return { userIds: [userId], frame: new Frame(JSON.stringify(text)), to: "all" };
}

/** What a receiver was given, as texts in order. */
export function textOf(event: Push | SessionEnd): string {
  return "ended" in event ? `end of ${event.userId}` : (JSON.parse(event.frame.text) as string);
}

/** What every bus promises the sockets of its own node. @param open a new one; `failures` takes what its receiver threw */
export function busSuite(open: (failures: unknown[]) => Promise<Bus & Partial<AsyncDisposable>>): void {
  const withBus = async (use: (bus: Bus, failures: unknown[]) => void): Promise<void> => {
    const failures: unknown[] = [];
    const bus = await open(failures);
    try {
      use(bus, failures);
    } finally {
      await bus[Symbol.asyncDispose]?.();
    }
  };

  test("what is published is received before publish returns, in order, once, as it is", () =>
    withBus((bus) => {
      const receive = vi.fn<(event: Push | SessionEnd) => void>();
      bus.subscribe(receive);
      const events = [pushOf("a"), { userId: 7, ended: { allBut: undefined } }, pushOf("b", 8), pushOf("c")];
      bus.publish(events.slice(0, 3));
      bus.publish(events.slice(3));
      expect(receive.mock.calls.map(([event]) => event)).toEqual(events);
    }));

  test("a receiver that throws is told of, and gets the next event all the same; publish never throws", () =>
    withBus((bus, failures) => {
      const got: string[] = [];
      bus.subscribe((event) => {
        got.push(textOf(event));
        if (got.length === 1) throw new Error("a defect");
      });
      bus.publish([pushOf("a"), pushOf("b")]);
      expect([got, failures]).toEqual([["a", "b"], [new Error("a defect")]]);
    }));

  test("without a receiver nothing happens", () =>
    withBus((bus, failures) => {
      bus.publish([pushOf("a")]);
      bus.publish([]);
      expect(failures).toEqual([]);
    }));
}
