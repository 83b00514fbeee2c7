import { expect, test } from "vitest";
import slotOf from "cluster-key-slot";
import { slotOfCommand, slotOfScript } from "./slots.ts";

test("the check value of CRC16, and slots that CLUSTER KEYSLOT has told", () => {
  expect(slotOf("123456789")).toBe(0x31c3);
  expect([slotOf(""), slotOf("foo"), slotOf(Buffer.from("foo")), slotOf("conv:1:2")]).toEqual([0, 12182, 12182, 14622]);
});

test("what stands between the first brace and the next closing one counts, unless that is nothing", () => {
  expect(slotOf("a{foo}b")).toBe(slotOf("foo"));
  expect(slotOf("{foo}{bar}")).toBe(slotOf("foo"));
  expect(slotOf("foo{{bar}}")).toBe(slotOf("{bar"));
  for (const key of ["{}foo", "{foo", "foo}", "}foo{"]) expect(slotOf(key), key).not.toBe(slotOf("foo"));
});

test("a command goes by its first key, one without key anywhere", () => {
  expect(slotOfCommand("GETRANGE", ["foo", 0, 47])).toBe(slotOf("foo"));
  expect(slotOfCommand("GET", [12])).toBe(slotOf("12"));
  expect([
    slotOfCommand("PUBLISH", ["foo", "x"]),
    slotOfCommand("INFO", ["memory"]),
    slotOfCommand("PING", []),
  ]).toEqual([undefined, undefined, undefined]);
});

test("a script goes by its keys, which must lie in one slot", () => {
  expect(slotOfScript("mark", ["foo"])).toBe(slotOf("foo"));
  expect(slotOfScript("mark", ["{foo}1", "{foo}2"])).toBe(slotOf("foo"));
  expect(slotOfScript("mark", [])).toBeUndefined();
  expect(() => slotOfScript("mark", ["foo", "bar"])).toThrow("script mark: its 2 keys lie in 2 slots of the cluster");
});
