import { expect, test, vi } from "vitest";
import type { IsOnline } from "../accounts/user-view.ts";
import type { Push, SessionEnd } from "../delivery/push.ts";
import { createUserStatus } from "./user-status.ts";

type AskPeers = (userIds: readonly number[]) => Promise<number[][]>;

function open(options: { peers?: AskPeers; online?: IsOnline }) {
  const told: { userIds: readonly number[]; frame: unknown }[] = [];
  const failures: unknown[] = [];
  const publish = (events: readonly (Push | SessionEnd)[]): void => {
    for (const event of events) {
      if ("frame" in event) told.push({ userIds: event.userIds, frame: JSON.parse(event.frame.text) });
    }
  };
  const changed = createUserStatus({
    store: { peers: options.peers ?? (async (userIds) => userIds.map((userId) => (userId === 9 ? [] : [2, 3]))) },
    bus: { publish, subscribe: () => undefined },
    lookup: async () => options.online ?? (() => true),
    failure: (error) => void failures.push(error),
  });
  return { changed, told, failures };
}

test("peers are told in one push, those of users who come together after one question", async () => {
  const { changed, told } = open({});
  for (const userId of [1, 9, 5]) changed({ userId, online: true });
  await vi.waitFor(() =>
    expect(told).toEqual([
      { userIds: [2, 3], frame: { type: "user_status", user_id: 1, is_online: true } },
      { userIds: [2, 3], frame: { type: "user_status", user_id: 5, is_online: true } },
    ]),
  );
});

test.each<[string, IsOnline]>([
  ["is back on some node", () => true],
  ["may be back", () => undefined],
])("nobody is told as gone who %s by the time the peers are known", async (_, online) => {
  const peers = vi.fn<AskPeers>(async () => [[2, 3], [4]]);
  const { changed, told } = open({ peers, online });
  changed({ userId: 1, online: false });
  changed({ userId: 1, online: true });
  await vi.waitFor(() => expect(peers).toHaveBeenCalledTimes(1));
  await new Promise((resolve) => setImmediate(resolve));
  expect(told.filter(({ frame }) => !(frame as { is_online: boolean }).is_online)).toEqual([]);
});

test("a mass departure asks the database for a hundred at a time; what is too much is left out, a failure is reported", async () => {
  let inside = 0;
  const asked = new Set<number>();
  const peers: AskPeers = async (userIds) => {
    expect([inside, userIds.length <= 100]).toEqual([0, true]);
    inside += 1;
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
    for (const userId of userIds) asked.add(userId);
    if (userIds.includes(250)) throw new Error("the database is away");
    return userIds.map(() => []);
  };
  const { changed, failures } = open({ peers });
  for (let userId = 1; userId <= 12_000; userId++) changed({ userId, online: false });
  await vi.waitFor(() => expect([inside, asked.size]).toEqual([0, 10_000]), { timeout: 30_000 });
  expect(failures).toMatchObject([{ message: "the database is away" }]);
});
