import { isDeepStrictEqual } from "node:util";
import { startOmServer, type OmServer } from "@om/services";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../load/random.ts";
import { kinds, type Act, type Scene } from "./kinds.ts";
import { readPlain } from "./known.ts";
import { runSchedules, tryAct, untilEqual } from "./schedule.ts";
import { openWorld, type World } from "./world.ts";

let server: OmServer;
let world: World;
beforeAll(async () => {
  server = await startOmServer();
  world = await openWorld(server.url, true);
});
afterEach(() => world.device.close());
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

type Way = readonly [name: string, act: Act];
const ways = Object.entries(kinds).flatMap(([kind, acts]) =>
  Object.entries(acts).map(([way, act]): Way => [`${kind} ${way}`, act]),
);

/** By the group's admin with the device's user, and by that one with the admin. */
function scenes(): [Scene, Scene] {
  const [me, admin] = world.people;
  // Groups that are drawn are the closed one, messages the newest, and roles become admin.
  const random = { ...createRandom(1), chance: (share: number) => share >= 0.5, whole: () => 0 };
  return [
    { world, by: admin, other: me, random },
    { world, by: me, other: admin, random },
  ];
}

/** Whatever the acts may need: messages both ways and in the group, a member, and for what ends something the beginning of it. */
async function prepare(name: string): Promise<void> {
  const [theirs, mine] = scenes();
  const { message, block_update: blocks, group_update: group } = kinds;
  const before: [Act | undefined, Scene][] = [
    [blocks["unblock"], mine],
    [blocks["unblock"], theirs],
    [name.endsWith(" join") ? undefined : group["add"], theirs],
    [message["direct"], mine],
    [message["direct"], theirs],
    [message["inGroup"], mine],
    [message["inGroup"], theirs],
    [name.endsWith(" add") ? group["leave"] : undefined, mine],
    [name.endsWith(" unblock") ? blocks["block"] : undefined, mine],
  ];
  for (const [act, scene] of before) if (act !== undefined) await tryAct(() => act(scene));
  const [open, closed] = world.groupIds;
  const [me, admin] = world.people;
  if (name.endsWith(" join")) await tryAct(() => me.api.leaveGroup({ params: { id: open } }));
  if (name.endsWith(" role"))
    await tryAct(() => admin.api.setRole({ params: { id: closed, user_id: me.id }, body: { role: "member" } }));
  world.device.open();
  await untilEqual(world);
  await world.device.close();
}

/** Does it as the one, and if that shows nothing to the device's user, as that one. */
async function doIt(name: string, act: Act): Promise<void> {
  const [me] = world.people;
  const before = await readPlain(me.api, me);
  // The group's admin stays.
  for (const scene of name.endsWith(" leave") ? scenes().slice(1) : scenes()) {
    await tryAct(() => act(scene));
    if (!isDeepStrictEqual(before, await readPlain(me.api, me)) || name.endsWith(" role")) return;
  }
  throw new Error(`${name} changed nothing`);
}

async function expectNoticed(name: string): Promise<void> {
  const [me] = world.people;
  const { known } = world.device;
  expect(known.faults).toEqual([]);
  expect(known.plain()).toMatchObject(await readPlain(me.api, me));
  if (name.endsWith(" role")) expect(known.roleIn(world.groupIds[1], me.id)).toBe("admin");
}

describe.each(ways)("%s", (name, act) => {
  test("who was away knows it as soon as they are back", async () => {
    await prepare(name);
    await doIt(name, act);
    const connection = world.device.open();
    await connection.whenLive();
    await world.device.known.settled();
    await expectNoticed(name);
  });
  test("who is reading the state meanwhile misses nothing of it", async () => {
    await prepare(name);
    let [isDone, done]: [boolean, Promise<void> | undefined] = [false, undefined];
    world.device.open((path) => {
      if (path !== "/api/changes") return Promise.resolve();
      done ??= doIt(name, act).finally(() => (isDone = true));
      return done;
    });
    await expect.poll(() => isDone, { timeout: 20_000, interval: 5 }).toBe(true);
    await untilEqual(world);
    await expectNoticed(name);
  });
});

test("60 random schedules: what a device knows is what a new one is told, each message once and in order", async () => {
  await runSchedules(server.url, { schedules: 60, seed: 1, lanes: 4 });
});
