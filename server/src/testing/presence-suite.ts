import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Presence, PresenceChange } from "../presence/presence.ts";

/** A presence of its own, and what it has told so far. */
export interface OpenedPresence extends AsyncDisposable {
  presence: Presence;
  changes: PresenceChange[];
}

/** How long the presences of the suite wait before they tell that somebody has gone, in ms. */
export const shortGrace = 20;

const soon = { timeout: 10_000, interval: 2 };

/** Waits until presence says this of a user. */
export async function untilOnline(presence: Presence, userId: number, expected: boolean | undefined): Promise<void> {
  await vi.waitFor(async () => expect((await presence.lookup([userId]))(userId)).toBe(expected), soon);
}

export async function untilCount(presence: Presence, expected: number): Promise<void> {
  await vi.waitFor(async () => expect(await presence.count()).toBe(expected), soon);
}

/** What every presence promises, seen from one node. @param open a new one with a grace of `shortGrace` and nobody in it */
export function presenceSuite(open: () => Promise<OpenedPresence>): void {
  lookups(open);
  changesInOrder(open);
}

function lookups(open: () => Promise<OpenedPresence>): void {
  test("whoever has a socket here is online at once, and offline and told so after the grace", async () => {
    await using opened = await open();
    const { presence, changes } = opened;
    presence.came(7);
    const online = await presence.lookup([7]);
    expect(online(7)).toBe(true);
    await untilCount(presence, 1);
    await untilOnline(presence, 8, false);
    await vi.waitFor(() => expect(changes).toEqual([{ userId: 7, online: true }]), soon);
    presence.went(7);
    await vi.waitFor(() => expect(changes.slice(1)).toEqual([{ userId: 7, online: false }]), soon);
    await untilOnline(presence, 7, false);
    await untilCount(presence, 0);
  });

  test("whoever was not asked for is unknown or known rightly, and nobody at all may be asked for", async () => {
    await using opened = await open();
    const { presence } = opened;
    presence.came(7);
    expect((await presence.lookup([]))(8)).not.toBe(true);
    expect((await presence.lookup([8]))(7)).not.toBe(false);
  });
}

function changesInOrder(open: () => Promise<OpenedPresence>): void {
  test("whoever is back within the grace never left", async () => {
    await using opened = await open();
    const { presence, changes } = opened;
    presence.came(7);
    await vi.waitFor(() => expect(changes).toHaveLength(1), soon);
    for (let i = 0; i < 50; i++) {
      presence.went(7);
      presence.came(7);
    }
    // Somebody who leaves later and stays away: all that came before has been told by then.
    presence.came(8);
    presence.went(8);
    await vi.waitFor(() => expect(changes).toContainEqual({ userId: 8, online: false }), soon);
    expect(changes.filter(({ userId }) => userId === 7)).toEqual([{ userId: 7, online: true }]);
    expect((await presence.lookup([7]))(7)).toBe(true);
  });

  test("after any comings and goings count and answers are exact, and what was told alternates for each user", async () => {
    const steps = fc.array(fc.record({ userId: fc.integer({ min: 1, max: 6 }), pause: fc.boolean() }), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await using opened = await open();
        const { presence, changes } = opened;
        const here = new Set<number>();
        for (const { userId, pause } of all) {
          if (here.delete(userId)) presence.went(userId);
          else presence.came((here.add(userId), userId));
          presence.heard(userId);
          if (pause) await presence.count();
        }
        const everybody = [1, 2, 3, 4, 5, 6];
        await untilCount(presence, here.size);
        for (const userId of everybody) await untilOnline(presence, userId, here.has(userId));
        const told = (userId: number) =>
          changes.filter((change) => change.userId === userId).map(({ online }) => online);
        await vi.waitFor(() => {
          for (const userId of everybody) expect(told(userId).at(-1) ?? false).toBe(here.has(userId));
        }, soon);
        for (const userId of everybody) expect(told(userId)).toEqual(told(userId).map((_, index) => index % 2 === 0));
      }),
      { numRuns: 15 },
    );
  });

  test("once it is disposed of nothing is told any more", async () => {
    const { presence, changes } = await open();
    presence.came(7);
    presence.went(7);
    await presence[Symbol.asyncDispose]();
    const before = changes.length;
    // Its grace ends later than that of the other, were it still running.
    await using other = await open();
    other.presence.came(8);
    await vi.waitFor(() => expect(other.changes).toHaveLength(1), soon);
    other.presence.went(8);
    await vi.waitFor(() => expect(other.changes).toHaveLength(2), soon);
    expect(changes).toHaveLength(before);
  });
}
