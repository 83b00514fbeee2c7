import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readHeader } from "../../src/cache/entry.ts";
import { startCacheNodes, type CacheNodes } from "../fixtures/cache-nodes.ts";

let all: CacheNodes;
beforeAll(async () => {
  all = await startCacheNodes();
});
afterAll(() => all[Symbol.asyncDispose]());

let made = 0;
const newUsers = (count: number): Promise<number[]> =>
  all.addUsers(...Array.from({ length: count }, () => `listed_${(made += 1)}`));

/** Of somebody who is asked for with an id of 0: nobody. */
const at = (ids: readonly number[], index: number): number => ids[index % (ids.length || 1)] ?? 0;

async function newGroups(adminId: number, memberId: number | undefined, count: number): Promise<number[]> {
  const ids: number[] = [];
  for (let index = 0; index < count; index++) {
    const body = { name: `Group ${index}`, is_public: true, handle: `listed_group_${(made += 1)}` };
    const { id } = JSON.parse(await all.nodes[0].ask("createGroup", adminId, { body })) as { id: number };
    if (memberId !== undefined) await all.nodes[0].ask("joinGroup", memberId, { params: { id } });
    ids.push(id);
  }
  return ids;
}

/** The id of the message. */
async function say(from: number, to: { user: number } | { group: number }, node: 0 | 1 = 0): Promise<number> {
  const body = { content: `message ${(made += 1)}`, client_id: `listed-${made}` };
  const answer =
    "group" in to
      ? await all.nodes[node].ask("groupSend", from, { params: { id: to.group }, body })
      : await all.nodes[node].ask("send", from, { body: { ...body, recipient_id: to.user } });
  return (JSON.parse(answer) as { id: number }).id;
}

/** All nodes tell the list as the database has it, with its version and its cursor. */
async function check(userId: number, limits: readonly number[], after: unknown = ""): Promise<void> {
  for (const limit of limits) {
    const query = { limit: String(limit) };
    const [right, ...told] = await Promise.all(
      [all.database, ...all.nodes, all.alone].map((node) => node.ask("conversations", userId, { query })),
    );
    for (const [node, answer] of told.entries()) {
      if (answer === right) continue;
      const [wrong, expected] = [JSON.parse(answer), JSON.parse(right ?? "")] as unknown[];
      expect({ after, limit, node, answer: wrong }).toEqual({ after, limit, node, answer: expected });
    }
  }
}

/** Whether the entry has everything that was marked. */
async function listVersion(userId: number): Promise<"clean" | "dirty"> {
  const head = await all.command("GETRANGE", `convlist:${userId}`, "0", "47");
  const { ver, pend } = readHeader(head as Buffer) ?? { ver: 0, pend: 1 };
  return ver === pend ? "clean" : "dirty";
}

/** Of pages: short ones, and all about what is kept. */
const everyLimit = [1, 2, 3, 7, 25, 46, 47, 48, 49, 50, 51, 52];

interface World {
  user: number;
  peers: number[];
  /** Is in all groups, whose admin is the user. */
  other: number;
  groups: number[];
  /** Messages of the groups by `other`. */
  said: number[];
}

/** More conversations than are kept of a list. */
async function newWorld(): Promise<World> {
  const [user = 0, other = 0, ...peers] = await newUsers(50);
  const groups = await newGroups(other, user, 14);
  for (const peer of peers) await say(peer, { user });
  const world: World = { user, other, peers, groups, said: [] };
  for (const group of groups.slice(0, 10)) world.said.push(await say(other, { group }));
  return world;
}

const kinds = ["hear", "say", "groupSay", "unsay", "edit", "rename", "read", "groupRead", "clear", "leave"] as const;
const operation = fc.record({
  kind: fc.constantFrom(...kinds, "hear", "groupSay", "unsay"),
  of: fc.nat({ max: 60 }),
  node: fc.constantFrom(0 as const, 1 as const),
  limit: fc.integer({ min: 1, max: 52 }),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const handlers: Record<(typeof kinds)[number], (world: World, one: Operation) => Promise<unknown>> = {
  hear: ({ user, peers }, { of, node }) => say(at(peers, of), { user }, node),
  say: ({ user, peers }, { of, node }) => say(user, { user: at(peers, of) }, node),
  groupSay: async (world, { of, node }) =>
    world.said.push(await say(world.other, { group: at(world.groups, of) }, node)),
  /** Its group falls to where it was before. */
  unsay: ({ other, said }, { of, node }) =>
    all.nodes[node].ask("deleteMessage", other, { params: { id: at(said.toReversed(), of) } }),
  edit: ({ other, said }, { of, node }) =>
    all.nodes[node].ask("editMessage", other, { params: { id: at(said, of) }, body: { content: `edited ${of}` } }),
  rename: ({ other, groups }, { of, node }) =>
    all.nodes[node].ask("editGroup", other, { params: { id: at(groups, of) }, body: { name: `named ${(made += 1)}` } }),
  read: ({ user, peers }, { of, node }) =>
    all.nodes[node].ask("markRead", user, { params: { peer_id: at(peers, of) } }),
  groupRead: ({ user, groups, said }, { of, node }) =>
    all.nodes[node].ask("groupRead", user, {
      params: { id: at(groups, of) },
      body: { last_read_message_id: at(said, of) },
    }),
  clear: ({ user, peers }, { of, node }) =>
    all.nodes[node].ask("deleteConversation", user, { params: { conversation_id: `user_${at(peers, of)}` } }),
  leave: async ({ user, groups }, { of, node }) => {
    await all.nodes[node].ask("leaveGroup", user, { params: { id: at(groups, of) } });
    if (of % 2 === 0) return;
    await check(user, [50], "leaving");
    await all.nodes[node].ask("joinGroup", user, { params: { id: at(groups, of) } });
  },
};

test("a list that is longer than what is kept of it, whatever happens in it and below it", async () => {
  const world = await newWorld();
  await check(world.user, everyLimit, "the beginning");
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 150, maxLength: 150 }), async (operations) => {
      for (const one of operations) {
        await handlers[one.kind](world, one);
        await check(world.user, [one.limit, 50], one);
      }
    }),
    { numRuns: 1, endOnFailure: true },
  );
  await check(world.user, everyLimit, "the end");
  for (const node of all.nodes) {
    expect(node.count("read convlist hit") + node.count("read convlist hit_l1")).toBeGreaterThan(100);
  }
});

test("groups whose messages are deleted fall below what is kept, where nobody knows what else there is", async () => {
  const { user, other, said } = await newWorld();
  for (let times = 0; times < 2; times++) await check(user, [50]);
  for (const id of said) {
    await all.nodes[1].ask("deleteMessage", other, { params: { id } });
    await check(user, [40, 48, 49, 50]);
  }
});

test("a list that grows beyond what is kept, one by one", async () => {
  const [user = 0, ...peers] = await newUsers(55);
  await Promise.all(peers.slice(0, 48).map((peer) => say(peer, { user })));
  for (const peer of peers.slice(48)) {
    for (let times = 0; times < 2; times++) await check(user, [1, 48, 49, 50, 51, 52]);
    await say(peer, { user }, 1);
  }
  await check(user, everyLimit);
});

test("an empty list, one's notes to oneself, and what was deleted for oneself", async () => {
  const [user = 0, peer = 0] = await newUsers(2);
  await check(user, [1, 50]);
  await say(user, { user });
  await check(user, [1, 50]);
  await say(peer, { user });
  await check(user, [1, 50]);
  for (const one of [user, peer]) {
    await all.nodes[1].ask("deleteConversation", user, { params: { conversation_id: `user_${one}` } });
    await check(user, [1, 50]);
  }
  await say(user, { user: peer }, 1);
  await check(user, [1, 50]);
});

test("groups without a message stand where they were made or changed, among the others", async () => {
  const [user = 0, other = 0] = await newUsers(2);
  const groups = await newGroups(other, user, 3);
  await check(user, [1, 2, 3, 50]);
  await say(other, { user });
  await newGroups(other, user, 2);
  await check(user, everyLimit);
  await all.nodes[1].ask("editGroup", other, { params: { id: at(groups, 1) }, body: { name: "Changed" } });
  await check(user, everyLimit);
  await all.nodes[1].ask("leaveGroup", user, { params: { id: at(groups, 0) } });
  await check(user, everyLimit);
});

test("of conversations with the same time the newest message is first", async () => {
  const [user = 0, ...peers] = await newUsers(60);
  // What is written together has one time.
  await Promise.all(peers.map((peer) => say(peer, { user })));
  await check(user, everyLimit);
  await Promise.all(
    peers
      .slice(0, 20)
      .toReversed()
      .map((peer) => say(user, { user: peer }, 1)),
  );
  await check(user, everyLimit);
});

test("groups that were changed at the same time stand in one order, kept or not", async () => {
  const [user = 0, other = 0] = await newUsers(2);
  const groups = await newGroups(other, user, 60);
  await all.rows("update groups set updated_at = '2026-03-04T05:06:07Z' where id = any($1)", [groups]);
  await say(other, { user });
  await check(user, everyLimit);
  await say(other, { group: at(groups, 30) }, 1);
  await check(user, everyLimit);
});

// When Redis takes longer than its deadline PostgreSQL is asked.
test(
  "what was read of a group is good until something happens in it, whatever happens in direct conversations",
  { retry: 2 },
  async () => {
    const [user = 0, other = 0] = await newUsers(2);
    const [group = 0] = await newGroups(other, user, 1);
    await say(other, { user });
    await check(user, [50]);
    const [node] = all.nodes;
    const asked = (): number =>
      node.count("query conversations.some_heads") + node.count("query conversations.first_page");
    // Its version is known only once its history was read.
    await node.ask("groupHistory", user, { params: { id: group } });
    await vi.waitFor(() => expect(node.count("fill group stored")).toBeGreaterThan(0));
    await say(other, { group });
    await check(user, [50]);
    const before = asked();
    for (let times = 0; times < 3; times++) {
      await say(other, { user });
      await vi.waitFor(async () => expect(await listVersion(user)).toBe("clean"), { timeout: 20_000 });
      await check(user, [50]);
    }
    expect(asked()).toBe(before);
    await all.nodes[1].ask("groupRead", user, {
      params: { id: group },
      body: { last_read_message_id: await say(other, { group }) },
    });
    await check(user, [50]);
    expect(asked()).toBeGreaterThan(before);
  },
);

test("a user who leaves a group while the list is read is not shown what the group was before", async () => {
  const [user = 0, other = 0] = await newUsers(2);
  const [group = 0] = await newGroups(other, user, 1);
  await say(other, { user });
  await say(other, { group });
  const [node, elsewhere] = all.nodes;
  await node.ask("groupHistory", user, { params: { id: group } });
  await vi.waitFor(async () => {
    const before = node.count("answer proven");
    await check(user, [50]);
    expect(node.count("answer proven")).toBeGreaterThan(before);
  });
  await say(other, { group }, 1);
  const { versions } = node.cache;
  const asked = vi.spyOn(node.cache, "versions").mockImplementationOnce(async (...args) => {
    const found = await versions(...args);
    await elsewhere.ask("leaveGroup", user, { params: { id: group } });
    return found;
  });
  const answer = await node.ask("conversations", user, { query: { limit: "50" } });
  expect(asked).toHaveBeenCalledTimes(1);
  expect(answer).not.toContain(`group_${group}`);
  expect(answer).toBe(await all.database.ask("conversations", user, { query: { limit: "50" } }));
});

test("a list with more groups than are kept is read from the database, and right", async () => {
  const [user = 0, other = 0] = await newUsers(2);
  const groups = await newGroups(user, undefined, 202);
  for (const index of [3, 100]) await all.nodes[0].ask("joinGroup", other, { params: { id: at(groups, index) } });
  await say(other, { group: at(groups, 3) }, 1);
  await check(user, [1, 25, 50, 51]);
  await say(other, { user }, 1);
  await check(user, [1, 25, 50, 51]);
  for (const id of groups.slice(4, 7)) await all.nodes[0].ask("leaveGroup", user, { params: { id } });
  await say(other, { group: at(groups, 100) }, 1);
  await check(user, [1, 25, 50, 51]);
});

test("what rows say that were changed by hand is told as soon as the triggers' notes are followed", async () => {
  const [user = 0, other = 0] = await newUsers(2);
  const [group = 0] = await newGroups(other, user, 1);
  await say(other, { group });
  await say(other, { user });
  for (let times = 0; times < 2; times++) await check(user, [50]);
  await all.rows("update groups set name = 'By hand' where id = $1", [group]);
  await all.rows("update users set full_name = 'By Hand' where id = $1", [other]);
  await vi.waitFor(() => check(user, [50]), { timeout: 20_000 });
});

test("versions that a restored database gives out again do not mean what they meant before", async () => {
  const [user = 0, other = 0] = await newUsers(2);
  const [group = 0] = await newGroups(other, user, 1);
  const newEpoch = async (): Promise<void> => {
    await all.rows("update cache_control set epoch = epoch + 1");
    const [row] = await all.rows<{ epoch: number }>("select epoch from cache_control");
    const known = (): number[] => all.nodes.map(({ cache }) => cache.state().epoch);
    await vi.waitFor(() => expect(known()).toEqual([row?.epoch, row?.epoch]), { timeout: 20_000 });
  };
  const thrice = async (): Promise<void> => {
    for (let times = 0; times < 3; times++) await check(user, [50]);
  };
  await say(other, { group });
  await thrice();
  await all.rows("create table before as select * from conversations where group_id = $1", [group]);
  await all.rows("create table parts as select p.* from participants p join before c on c.id = p.conversation_id");
  const lost = await say(other, { group });
  await thrice();
  // The database is as it was before the last message, which only its new run tells.
  const restore = `begin; set local om.marked = '1'; delete from messages where id = ${lost};
    delete from participants p using parts o where p.user_id = o.user_id and p.conversation_id = o.conversation_id;
    update conversations c set ver = b.ver, seq = b.seq, last_message_id = b.last_message_id, last_message_at = b.last_message_at
    from before b where c.id = b.id; insert into participants select * from parts; commit`;
  await all.rows(restore);
  await newEpoch();
  // The group is kept again before the list is looked at.
  for (const node of [...all.nodes, ...all.nodes]) await node.ask("groupHistory", other, { params: { id: group } });
  await thrice();
  await say(other, { group });
  await thrice();
});
