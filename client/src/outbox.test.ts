import { expect, test } from "vitest";
import { createOutbox, RefusedError, type Ack } from "./outbox.ts";

const entry = (clientId: string) => ({ clientId, to: 2, content: clientId, messageType: "text" as const });
const ack = (clientId: string) => ({ client_id: clientId, server_id: 7 }) as Ack;

test("entries wait in order until they are acknowledged", async () => {
  const outbox = createOutbox([entry("old")]);
  const sent = outbox.add(entry("new"));
  expect(outbox.entries().map(({ clientId }) => clientId)).toEqual(["old", "new"]);
  outbox.acked(ack("old"));
  outbox.acked(ack("stranger"));
  outbox.acked(ack("new"));
  expect((await sent).server_id).toBe(7);
  expect(outbox.entries()).toEqual([]);
});

test("save_failed is tried again, other codes are believed at once", async () => {
  const outbox = createOutbox();
  const first = outbox.add(entry("a"));
  const second = outbox.add(entry("b"));
  expect(outbox.refused("a", "invalid_target", "no")).toBe(true);
  await expect(first).rejects.toBeInstanceOf(RefusedError);
  for (let i = 0; i < 11; i++) expect(outbox.refused("b", "save_failed", "later")).toBe(false);
  expect(outbox.refused("b", "save_failed", "later")).toBe(true);
  await expect(second).rejects.toMatchObject({ code: "save_failed" });
});

test("a full outbox says so", () => {
  const outbox = createOutbox(Array.from({ length: 1_000 }, (_, i) => entry(String(i))));
  expect(() => outbox.add(entry("one more"))).toThrow(RangeError);
});
