import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCacheNodes, type CacheNodes } from "../testing/cache-nodes.ts";
import { act, operation, viewsOf, type Room } from "../testing/chat-operations.ts";

let all: CacheNodes;
beforeAll(async () => {
  all = await startCacheNodes();
});
afterAll(() => all[Symbol.asyncDispose]());

/** What was committed without a mark may be served for a moment; after that nothing may. */
async function untilMarked(): Promise<void> {
  for (;;) {
    const [row] = await all.rows<{ dirty: boolean }>("select exists (select from cache_dirty) as dirty");
    if (row?.dirty !== true) return;
  }
}

/** What every viewer is told by both nodes is what the database says. */
async function check(room: Room, told: string): Promise<void> {
  await untilMarked();
  for (const viewer of room.userIds) {
    const [expected = [], ...answers] = await Promise.all(
      [all.database, ...all.nodes].map((node) => viewsOf(node, room, viewer)),
    );
    for (const [index, views] of answers.entries()) {
      for (const [at, { name, answer }] of views.entries()) {
        const right = expected[at]?.answer ?? "";
        if (answer === right) continue;
        expect({ told, node: index, viewer, name, answer: parsed(answer) }).toEqual({
          ...{ told, node: index, viewer, name },
          answer: parsed(right),
        });
      }
    }
  }
}

const parsed = (answer: string): unknown => (answer.startsWith("{") ? JSON.parse(answer) : answer);

let rounds = 0;

async function newRoom(): Promise<Room> {
  rounds += 1;
  const userIds = await all.addUsers(...["a", "b", "c"].map((name) => `coherent_${name}${rounds}`));
  const [node] = all.nodes;
  const handle = `coherent_group${rounds}`;
  const body = { name: "A group", is_public: true, handle };
  const { id } = JSON.parse(await node.ask("createGroup", userIds[0] ?? 0, { body })) as { id: number };
  await node.ask("joinGroup", userIds[1] ?? 0, { params: { id } });
  return { userIds, groupId: id, messageIds: [], sent: 0 };
}

test("whatever happens in any order: what the cache tells is what the database says, on every node", async () => {
  const started = performance.now();
  let done = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 25 }), async (operations) => {
      const room = await newRoom();
      for (const one of operations) {
        await act(all, room, one);
        done += 1;
        await check(room, JSON.stringify(one));
      }
    }),
    { numRuns: 10, endOnFailure: true },
  );
  const ms = performance.now() - started;
  process.stdout.write(`${done} operations in ${ms} ms\n`);
  for (const node of all.nodes) {
    const kinds = ["conv", "group", "convlist", "unread", "member", "profile"];
    for (const kind of kinds) {
      const results = ["hit", "hit_l1", "miss", "dirty", "corrupt", "unavailable", "off"].map(
        (result) => `${result} ${node.count(`read ${kind} ${result}`)}`,
      );
      process.stdout.write(`${kind}: ${results.join(", ")}\n`);
    }
    process.stdout.write(
      `${["mark acked", "mark unacked", "post done", "post gap", "post absent", "post compact", "post failed", "lease wait", "dirty noted"].map((n) => `${n} ${node.count(n)}`).join(", ")}\n`,
    );
  }
});
