import { beforeEach, expect, test } from "vitest";
import { createUserViews } from "../accounts/user-view.ts";
import { blockStore } from "../accounts/block-store.ts";
import { createHub, type HubSocket } from "../delivery/hub.ts";
import type { Push } from "../delivery/push.ts";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";
import { missedStore } from "./missed-store.ts";
import { messageStore, storeMessages, type StoredRow } from "./message-store.ts";
import { createMissedPushes } from "./push-missed.ts";

const groupOf = `with made as (insert into groups (name, creator_id) values ('some', ($1::bigint[])[1]) returning id),
   head as (insert into conversations (group_id) select id from made returning id, group_id),
   part as (insert into participants (user_id, conversation_id) select u, h.id from head h, unnest($1::bigint[]) u)
   select group_id as id from head`;

describeDatabases("what was stored and never pushed", (database) => {
  let round = 0;
  let [ada, ben, cleo] = [0, 0, 0];
  let hub: ReturnType<typeof createHub>;
  let missed: ReturnType<typeof createMissedPushes>;

  beforeEach(async () => {
    round += 1;
    [ada = 0, ben = 0, cleo = 0] = await database.addUsers(`ada${round}`, `ben${round}`, `cleo${round}`);
    hub = createHub({ maxSocketsPerUser: 0 });
    const { db } = database;
    const views = createUserViews({ exposeEmails: false, presence: presenceSource() });
    missed = createMissedPushes({ missed: missedStore(db), store: messageStore(db), views, hub });
    // What was there before this node is nobody's affair.
    await missed.sweep();
  });

  /** Stores a message as another node does that dies right afterwards. */
  async function store(from: number, to: { recipientId: number } | { groupId: number }, content: string) {
    const message = {
      senderId: from,
      to,
      clientId: content,
      messageType: "text" as const,
      content,
      replyToId: undefined,
    };
    return (await storeMessages(database.db, [message]))[0] as StoredRow;
  }

  /** A device; what it is told, as content by sender. */
  function connect(userId: number, { resuming = false, openedAt = 0 } = {}): string[] {
    const told: string[] = [];
    const push = ({ frame }: Push): void => {
      const { message } = JSON.parse(frame.text) as { message: { content: string; sender_id: number } };
      told.push(`${message.content} of ${message.sender_id}`);
    };
    const nothing = (): void => undefined;
    const rest = { sessionId: undefined, tokenEndsAt: undefined, evict: nothing, end: nothing };
    hub.add({ id: String(Math.random()), userId, resuming, openedAt, push, ...rest } satisfies HubSocket);
    return told;
  }

  const pushOf = ({ id, seq, conversation_id: conversationId }: StoredRow): Push =>
    ({ message: { id, seq, conversationId } }) as unknown as Push;
  async function sweeps(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await missed.sweep();
  }

  test("it is pushed by the second sweep after it, once, in order, to the recipient and to the sender's devices that follow by cursor", async () => {
    const [phone, old, other] = [connect(ben), connect(ada), connect(ada, { resuming: true })];
    for (const text of ["one", "two", "three"]) await store(ada, { recipientId: ben }, text);
    await sweeps(1);
    expect(phone).toEqual([]);
    await sweeps(4);
    const all = ["one", "two", "three"].map((text) => `${text} of ${ada}`);
    expect([phone, other, old]).toEqual([all, all, []]);
  });

  test("what was pushed is not pushed again, and a push that comes after all is dropped", async () => {
    const phone = connect(ben);
    const [came, late] = [
      await store(ada, { recipientId: ben }, "came"),
      await store(ada, { recipientId: ben }, "late"),
    ];
    expect(missed.take(pushOf(came))).toBe(true);
    await sweeps(2);
    expect(phone).toEqual([`late of ${ada}`]);
    expect([missed.take(pushOf(late)), missed.take(pushOf(late))]).toEqual([false, false]);
    await sweeps(5);
    expect(phone).toEqual([`late of ${ada}`]);
  });

  test("a message that commits long after others with higher ids is found too, also for whoever connected and read before its commit", async () => {
    const phone = connect(ben);
    let newcomer: string[] = [];
    let stored: Promise<unknown> | undefined;
    await database.db.transaction(async (queries) => {
      await storeMessages(queries, [
        {
          senderId: ada,
          to: { recipientId: ben },
          clientId: "slow",
          messageType: "text",
          content: "slow",
          replyToId: undefined,
        },
      ]);
      stored = store(cleo, { recipientId: cleo }, "fast");
      await stored;
      await sweeps(2);
      newcomer = connect(ben, { openedAt: Date.now() });
    });
    expect(phone).toEqual([]);
    await sweeps(1);
    expect([phone, newcomer]).toEqual([[`slow of ${ada}`], [`slow of ${ada}`]]);
  });

  test("in a group it is pushed to those who are members by now, each as they may see it", async () => {
    const [group] = await database.db.transaction(
      (queries) => queries.query<{ id: number }>({ name: "", text: groupOf }, [[ada, ben]]),
      { marked: true },
    );
    const [phone, stranger] = [connect(ben), connect(cleo)];
    await store(ada, { groupId: group?.id ?? 0 }, "to all");
    await sweeps(3);
    expect([phone, stranger]).toEqual([[`to all of ${ada}`], []]);
  });

  test("hidden messages are shown to nobody else, and whoever connected after a message was told of it otherwise", async () => {
    await blockStore(database.db, database.writes).add(ben, ada, 100);
    const [phone, newcomer] = [connect(ben), connect(cleo, { openedAt: Date.now() + 60_000 })];
    await store(ada, { recipientId: ben }, "hidden");
    await store(ada, { recipientId: cleo }, "waited");
    await sweeps(4);
    expect([phone, newcomer]).toEqual([[], []]);
  });
});
