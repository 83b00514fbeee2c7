import { expect, test } from "vitest";
import { objectWith, placed, readAt } from "../testing/histories.ts";
import { checkOrder } from "./order.ts";

const object = objectWith([{ ver: 1 }, { ver: 2 }, { ver: 3 }]);

test("versions that stand still or rise are fine, also when reads overlap or sessions differ", () => {
  const reads = placed(
    object,
    readAt(10, 1),
    readAt(20, 2),
    readAt(20.5, 1, { t1: 20.9 }),
    readAt(30, 2),
    readAt(30, 1, { session: 2 }),
  );
  expect(checkOrder(reads, [])).toMatchObject({ checked: 5, violationCount: 0 });
});

test("a session that is shown less than before is a violation, whatever was degraded", () => {
  const result = checkOrder(placed(object, readAt(10, 2), readAt(20, 1)), []);
  expect(result.violations).toEqual([
    "0.020 s: node 0 showed conv:1:2 (version) at version 1, but session 1 had seen 2",
  ]);
});

test("a session is shown its own writes from their acknowledgement on", () => {
  const own = { session: 1, t1: 15, txn: 2 };
  expect(checkOrder(placed(object, readAt(14, 1), readAt(16, 2)), [own]).violationCount).toBe(0);
  expect(checkOrder(placed(object, readAt(16, 1)), [own]).violations[0]).toContain("but session 1 had written 2");
  expect(checkOrder(placed(object, readAt(16, 1)), [{ ...own, session: 2 }]).violationCount).toBe(0);
});

test("what another cached object showed is not promised, but own writes are everywhere", () => {
  const of = { object: "conv:1:2", view: "head", keys: ["convlist:1", "conv:1:2"] };
  expect(checkOrder(placed(object, readAt(10, 2, { of }), readAt(20, 1)), []).violationCount).toBe(0);
  expect(checkOrder(placed(object, readAt(10, 2, { of }), readAt(20, 1, { of })), []).violationCount).toBe(1);
  expect(checkOrder(placed(object, readAt(20, 1, { of })), [{ session: 1, t1: 15, txn: 2 }]).violationCount).toBe(1);
});

test("an own write that did not raise the version need not show", () => {
  const group = objectWith([{ ver: 1 }, { ver: 2 }, { ver: 2 }]);
  const own = { session: 1, t1: 15, txn: 3 };
  expect(checkOrder(placed(group, readAt(16, 1)), [own]).violationCount).toBe(0);
  expect(checkOrder(placed(group, readAt(16, 1)), [{ ...own, txn: 2 }]).violationCount).toBe(1);
});
