import { PassThrough } from "node:stream";
import { expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { createHub, type HubSocket } from "../delivery/hub.ts";
import { Frame, type Push } from "../delivery/push.ts";
import { createBacklog, type BacklogMessage, type BacklogRevisions } from "./backlog.ts";
import { PongConfirmations } from "./pong-confirmations.ts";
import { SendQueue } from "./send-queue.ts";
import { UnsentBytes } from "./unsent-bytes.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("send queue: frames of one turn leave together in order; a client that does not read is told once and gets no more", async () => {
  const raw = new PassThrough({ highWaterMark: 16 });
  const ws = { OPEN: 1, readyState: 1 };
  const written = vi.spyOn(raw, "write");
  const sent = (): string[] => written.mock.calls.map(([frame]) => (frame as Buffer).toString());
  const onSlow = vi.fn();
  const queue = new SendQueue(ws as unknown as WebSocket, raw, { unsent: new UnsentBytes(400_000), onSlow });
  queue.send(Buffer.from("a"));
  queue.send(Buffer.from("b"));
  expect(sent()).toEqual([]);
  await turn();
  expect(sent()).toEqual(["a", "b"]);
  queue.send(Buffer.alloc(300_000));
  await turn();
  queue.send(Buffer.alloc(300_000));
  await turn();
  expect([sent().length, onSlow.mock.calls.length]).toEqual([3, 0]);
  queue.send(Buffer.alloc(200_000));
  queue.send(Buffer.from("never"));
  await turn();
  expect([sent().length, onSlow.mock.calls.length]).toEqual([3, 1]);
});

test("A4: what waits for all sockets of a user has one bound, and the one that has most to read goes", async () => {
  const unsent = new UnsentBytes(300_000);
  const open = () => {
    const ws = { OPEN: 1, readyState: 1 } as unknown as WebSocket;
    const onSlow = vi.fn();
    return { queue: new SendQueue(ws, new PassThrough({ highWaterMark: 16 }), { unsent, onSlow }), onSlow };
  };
  const [first, second, third] = [open(), open(), open()];
  // The first goes to the socket's own buffer, which is full then.
  for (const { queue } of [first, second, third]) queue.send(Buffer.alloc(70_000));
  await turn();
  first.queue.send(Buffer.alloc(100_000));
  second.queue.send(Buffer.alloc(150_000));
  third.queue.send(Buffer.alloc(40_000));
  const slow = () => [first, second, third].map(({ onSlow }) => onSlow.mock.calls.length);
  expect(slow()).toEqual([0, 0, 0]);
  third.queue.send(Buffer.alloc(20_000));
  expect(slow()).toEqual([0, 1, 0]);
  // There is room again.
  first.queue.send(Buffer.alloc(100_000));
  second.queue.send(Buffer.alloc(100_000));
  expect(slow()).toEqual([0, 1, 0]);
  third.queue.close();
  first.queue.close();
  const alone = open();
  alone.queue.send(Buffer.alloc(70_000));
  await turn();
  alone.queue.send(Buffer.alloc(300_000));
  expect(alone.onSlow).not.toHaveBeenCalled();
});

test("A4: a client that reads a little between two looks stays, one that reads nothing in two of them goes", async () => {
  const raw = new PassThrough({ highWaterMark: 16 });
  const onSlow = vi.fn();
  const ws = { OPEN: 1, readyState: 1 } as unknown as WebSocket;
  const queue = new SendQueue(ws, raw, { unsent: new UnsentBytes(1_000_000), onSlow });
  for (let i = 0; i < 5; i++) queue.giveUpIfStalled();
  for (let i = 0; i < 20; i++) queue.send(Buffer.alloc(50_000));
  await turn();
  for (let i = 0; i < 4; i++) {
    expect(raw.read()).not.toBeNull();
    for (let i = 0; i < 5; i++) await turn();
    queue.giveUpIfStalled();
    queue.giveUpIfStalled();
  }
  expect(onSlow).not.toHaveBeenCalled();
  queue.giveUpIfStalled();
  queue.giveUpIfStalled();
  expect(onSlow).toHaveBeenCalledOnce();
});

test("pong confirmations: only a pong to the latest ping proves, and only what left before it", () => {
  const proven: number[] = [];
  const confirmations = new PongConfirmations();
  const sent = (key: string, id: number): void => confirmations.sent(key, () => proven.push(id));
  expect(confirmations.pingPayload()).toBe("");
  sent("a", 10);
  sent("a", 11);
  sent("b", 12);
  const first = confirmations.pingPayload();
  sent("a", 13);
  confirmations.pong("something else");
  expect(proven).toEqual([]);
  confirmations.pong(first);
  expect(proven).toEqual([11, 12]);
  confirmations.pong(confirmations.pingPayload());
  expect(proven).toEqual([11, 12, 13]);
});

test("hub: presence tells only the first and the last socket, and each removes only itself", () => {
  const hub = createHub({ maxSocketsPerUser: 2 });
  const told: string[] = [];
  hub.onPresence((userId, online) => told.push(`${userId} ${online}`));
  const socket = (id: string): HubSocket & { got: Push[]; evicted: number; ended: boolean } => ({
    id,
    userId: 7,
    sessionId: id === "c" ? 3 : undefined,
    openedAt: 0,
    tokenEndsAt: undefined,
    ended: false,
    resuming: id === "c",
    got: [],
    evicted: 0,
    push(push) {
      this.got.push(push);
    },
    evict() {
      this.evicted += 1;
    },
    end() {
      this.ended = true;
    },
  });
  const [a, b, c] = [socket("a"), socket("b"), socket("c")];
  hub.add(a);
  hub.add(b);
  hub.add(c);
  expect([a.evicted, b.evicted]).toEqual([1, 0]);
  hub.remove(a);
  hub.remove(a);
  hub.deliver({ userIds: [7], frame: new Frame("{}"), to: "all", except: "c" });
  hub.deliver({ userIds: [7], frame: new Frame("{}"), to: "resuming" });
  expect([a.got.length, b.got.length, c.got.length]).toEqual([0, 1, 1]);
  hub.deliver({ userId: 7, ended: { sessionId: 4 } });
  expect([b.ended, c.ended]).toEqual([false, false]);
  hub.deliver({ userId: 7, ended: { exceptSessionId: 3 } });
  expect([b.ended, c.ended]).toEqual([true, false]);
  hub.deliver({ userId: 7, ended: { sessionId: 3 } });
  expect(c.ended).toBe(true);
  hub.remove(b);
  expect(hub.isOnline(7)).toBe(true);
  hub.remove(c);
  expect(told).toEqual(["7 true", "7 false"]);
  expect([hub.isOnline(7), hub.sockets()]).toEqual([false, 0]);
});

test("hub: the end of all sessions but none spares no socket, not even one whose token names no session", () => {
  const hub = createHub({ maxSocketsPerUser: 0 });
  const ended: string[] = [];
  const add = (id: string, userId: number, sessionId: number | undefined): void => {
    const end = (): void => void ended.push(id);
    const rest = { openedAt: 0, tokenEndsAt: undefined, push: () => undefined, evict: () => undefined, end };
    hub.add({ id, userId, sessionId, resuming: true, ...rest });
  };
  add("old", 7, undefined);
  add("new", 7, 3);
  add("other", 8, 3);
  hub.deliver({ userId: 7, ended: { exceptSessionId: undefined } });
  expect(ended).toEqual(["old", "new"]);
});

test("backlog: what is pushed while it is read comes after it, without what it contained", async () => {
  const out: string[] = [];
  const push = (seq: number): Push => ({
    userIds: [1],
    frame: new Frame(`live ${seq}`),
    to: "all",
    message: { conversationId: 5, seq, id: seq },
  });
  const queued = (seq: number) =>
    ({ conversationId: 5, frame: { type: "message", seq, message: { id: seq, content: "" } } }) as BacklogMessage;
  const backlog = createBacklog({
    userId: 1,
    batched: false,
    read: {
      async revisions() {
        const edit = { type: "message_edit", ver: 9 } as BacklogRevisions["frames"][number];
        return [{ conversationId: 5, frames: [edit], upToVer: 9 }];
      },
      async messages() {
        backlog.push(push(2));
        backlog.push(push(3));
        backlog.push({ userIds: [1], frame: new Frame("typing"), to: "all" });
        backlog.push({ userIds: [1], frame: new Frame("edit of 3"), to: "all", ordered: true });
        return { messages: [queued(1), queued(2)], hasMore: false };
      },
    },
    send: (frame) => void out.push(frame.type === "message" ? `queued ${frame.seq}` : frame.type),
    revised: (conversationId, ver) => out.push(`revised ${conversationId} ${ver}`),
    forward: ({ frame }) => out.push(frame.text),
    sent: () => undefined,
    pause: async () => undefined,
    isOpen: () => true,
    ready: async () => undefined,
    overflow: () => out.push("overflow"),
  });
  await backlog.run();
  backlog.push(push(4));
  expect(out).toEqual([
    "message_edit",
    "revised 5 9",
    "typing",
    "queued 1",
    "queued 2",
    "live 3",
    "edit of 3",
    "live 4",
  ]);
});
