import { expect, test } from "vitest";
import { Outbox, RefusedError, type Ack, type OutboxEntry } from "./outbox.ts";

const entry = (clientId: string, to = 2): OutboxEntry => ({
  clientId,
  to: { userId: to },
  content: clientId,
  messageType: "text",
});
const ack = (clientId: string, ver = 1): Ack =>
  ({ client_id: clientId, server_id: 7, conversation_id: "user_2", ver }) as Ack;

function outboxOf(options: { start?: OutboxEntry[]; maxInFlight?: number } = {}) {
  let now = 0;
  let open = true;
  const sent: string[] = [];
  const outbox = new Outbox({
    start: options.start ?? [],
    maxEntries: 5,
    maxInFlight: options.maxInFlight ?? 1,
    resendMs: 10,
    now: () => now,
    transmit: ({ clientId }) => {
      if (open) sent.push(clientId);
      return open;
    },
  });
  return {
    outbox,
    /** What was sent since the last look, `ms` later. */
    after(ms: number): string[] {
      now += ms;
      outbox.pump();
      return sent.splice(0);
    },
    setOpen: (value: boolean) => void (open = value),
  };
}

test("one message per person is on its way, the next follows its ack; an earlier run's come first", async () => {
  const { outbox, after } = outboxOf({ start: [entry("old")] });
  const sent = outbox.add(entry("new"));
  void outbox.add(entry("other", 3));
  expect(after(0)).toEqual(["old", "other"]);
  expect(outbox.acked(ack("old"))).toBe(true);
  expect(outbox.acked(ack("old"))).toBe(false);
  expect(outbox.acked(ack("stranger"))).toBe(false);
  expect(after(0)).toEqual(["new"]);
  outbox.acked(ack("new"));
  expect((await sent).server_id).toBe(7);
  expect(outbox.waiting()).toBe(1);
});

test("what is not answered is sent again, on a new line at once", () => {
  const { outbox, after, setOpen } = outboxOf();
  void outbox.add(entry("a"));
  setOpen(false);
  expect(after(0)).toEqual([]);
  setOpen(true);
  expect([after(0), after(9), after(1)]).toEqual([["a"], [], ["a"]]);
  outbox.disconnected();
  expect(after(0)).toEqual(["a"]);
});

test("with a wider window several are on their way, each with a clock of its own", () => {
  const { outbox, after } = outboxOf({ maxInFlight: 2 });
  for (const id of ["a", "b", "c"]) void outbox.add(entry(id));
  expect(after(0)).toEqual(["a", "b"]);
  outbox.acked(ack("a"));
  expect([after(5), after(5), after(5)]).toEqual([["c"], ["b"], ["c"]]);
});

test("a refusal that may pass is tried again ever more slowly and never given up; any other one is believed", async () => {
  const { outbox, after } = outboxOf();
  const first = outbox.add(entry("a"));
  void outbox.add(entry("b"));
  expect(after(0)).toEqual(["a"]);
  expect(outbox.refused("a", "save_failed", "later")).toEqual({ ended: false, to: { userId: 2 }, refusals: 1 });
  expect([after(9), after(1)]).toEqual([[], ["a"]]);
  for (let i = 0; i < 30; i += 1) outbox.refused("a", "save_failed", "later");
  expect([after(119), after(1)]).toEqual([[], ["a"]]);
  expect(outbox.refused("a", "invalid_target", "no")?.ended).toBe(true);
  await expect(first).rejects.toBeInstanceOf(RefusedError);
  expect(outbox.refused("a", "invalid_target", "no")).toBeUndefined();
  expect(after(0)).toEqual(["b"]);
});

test("an acknowledged message stays known until its conversation is followed beyond it", () => {
  const { outbox } = outboxOf();
  void outbox.add(entry("a"));
  outbox.acked(ack("a", 5));
  outbox.sweep(() => 4);
  expect([outbox.has("a"), outbox.waiting(), outbox.entries()[0]?.acked?.ver]).toEqual([true, 0, 5]);
  const later = outboxOf({ start: outbox.entries() });
  expect(later.after(0)).toEqual([]);
  outbox.sweep(() => 5);
  expect(outbox.entries()).toEqual([]);
});

test("a full outbox says so", () => {
  const { outbox } = outboxOf();
  for (let i = 0; i < 5; i += 1) void outbox.add(entry(String(i)));
  expect(() => outbox.add(entry("one more"))).toThrow(RangeError);
});
