import { expect, test } from "vitest";
import { createHub, type HubSocket } from "./hub.ts";

function socket(id: number, log: string[], userId = 7): HubSocket {
  return {
    id: String(id),
    userId,
    sessionId: undefined,
    openedAt: 0,
    tokenEndsAt: undefined,
    resuming: true,
    push: () => void log.push(`push ${id}`),
    evict: () => void log.push(`evict ${id}`),
    end: () => void log.push(`end ${id}`),
  };
}

test("of a burst of sockets only as many stay as are allowed, however slowly the others go; each is asked once", () => {
  const hub = createHub({ maxSocketsPerUser: 3 });
  const log: string[] = [];
  const all = Array.from({ length: 10 }, (_, id) => socket(id, log));
  const other = socket(99, log, 8);
  hub.add(other);
  for (const one of all) hub.add(one);
  expect(log).toEqual([0, 1, 2, 3, 4, 5, 6].map((id) => `evict ${id}`));
  // What was evicted is there until it is closed.
  expect([hub.sockets(), hub.isOnline(7)]).toEqual([11, true]);
  log.length = 0;
  for (const one of all.slice(0, 7)) hub.remove(one);
  expect(hub.sockets()).toBe(4);
  // One that leaves by itself makes room for one.
  hub.remove(all[8] as HubSocket);
  hub.add(socket(10, log));
  expect(log).toEqual([]);
  hub.add(socket(11, log));
  expect(log).toEqual(["evict 7"]);
});

test("a bound of 0 evicts nobody", () => {
  const hub = createHub({ maxSocketsPerUser: 0 });
  const log: string[] = [];
  for (let id = 0; id < 50; id++) hub.add(socket(id, log));
  expect([log, hub.sockets()]).toEqual([[], 50]);
});

test("a user whose sockets are all evicted is online until the last is closed", () => {
  const hub = createHub({ maxSocketsPerUser: 1 });
  const told: boolean[] = [];
  hub.onPresence((_userId, online) => told.push(online));
  const [a, b] = [socket(1, []), socket(2, [])];
  hub.add(a);
  hub.add(b);
  hub.remove(b);
  expect(told).toEqual([true]);
  hub.remove(a);
  expect([told, hub.sockets()]).toEqual([[true, false], 0]);
});
