import { afterEach, expect, test, vi } from "vitest";
import { createReceipts, type Receipt } from "./receipts.ts";

afterEach(() => void vi.useRealTimers());

function receiptsOf(start: number[] = []) {
  vi.useFakeTimers();
  let open = true;
  const sent: string[] = [];
  const nameOf = (receipt: Receipt): string =>
    receipt.type === "read" ? `read ${receipt.payload.message_id}` : `delivered ${receipt.payload.server_id}`;
  const receipts = createReceipts({
    start,
    delayMs: 100,
    send: (receipt) => {
      if (open) sent.push(nameOf(receipt));
      return open;
    },
  });
  return { receipts, sent: () => sent.splice(0), setOpen: (value: boolean) => void (open = value) };
}

test("delivered receipts wait for newer ones of their conversation; read receipts do not wait", () => {
  const { receipts, sent } = receiptsOf();
  for (const id of [1, 2, 3]) receipts.delivered("user_2", id);
  receipts.delivered("user_3", 9);
  expect(sent()).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(sent()).toEqual(["delivered 3", "delivered 9"]);
  receipts.delivered("user_2", 2);
  receipts.read(3);
  receipts.read(3);
  vi.advanceTimersByTime(100);
  expect(sent()).toEqual(["read 3"]);
});

test("what no pong has proven is sent again on the next line", () => {
  const { receipts, sent, setOpen } = receiptsOf([1]);
  receipts.flush();
  receipts.pinged();
  receipts.read(2);
  receipts.delivered("user_2", 7);
  receipts.ponged();
  expect(receipts.reads()).toEqual([2]);
  setOpen(false);
  vi.advanceTimersByTime(100);
  sent();
  receipts.disconnected();
  setOpen(true);
  receipts.flush();
  expect(sent()).toEqual(["read 2", "delivered 7"]);
  receipts.pinged();
  receipts.ponged();
  receipts.disconnected();
  receipts.flush();
  expect([sent(), receipts.reads()]).toEqual([[], []]);
});
