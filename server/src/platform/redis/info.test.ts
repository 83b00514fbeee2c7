import { expect, test } from "vitest";
import { infoField, sumMemory } from "./info.ts";

test("a field of an answer, by its whole name", () => {
  const info = Buffer.from("# Server\r\nrun_id_old:1\r\nrun_id:2\r\n");
  expect([infoField(info, "run_id"), infoField(info, "run"), infoField(null, "run_id")]).toEqual([
    "2",
    undefined,
    undefined,
  ]);
});

test("the memory of several servers is added up; one without limit has no limit", () => {
  const part = { bytes: 1, maxBytes: 10, policy: "volatile-lru", evictedKeys: 3 };
  expect(sumMemory([part])).toEqual(part);
  expect(sumMemory([part, { ...part, bytes: 2 }])).toEqual({ ...part, bytes: 3, maxBytes: 20, evictedKeys: 6 });
  expect(sumMemory([part, { ...part, maxBytes: 0 }]).maxBytes).toBe(0);
});
