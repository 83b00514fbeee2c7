import { startFaultProxy, startReplica, startSystemPostgres, type PostgresServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";

const patient = { timeout: 30_000, interval: 50 };

let primary: PostgresServer;
/** The name of the database, on whatever server. */
let database: string;
const open: AsyncDisposable[] = [];

beforeAll(async () => {
  primary = keep(await startSystemPostgres());
  database = new URL(primary.createDatabase()).pathname;
});
afterAll(async () => {
  for (const one of open.toReversed()) await one[Symbol.asyncDispose]();
});

function keep<T extends AsyncDisposable>(one: T): T {
  open.push(one);
  return one;
}

const urlOf = ({ port }: { port: number }): string => `postgresql://postgres@127.0.0.1:${port}${database}`;
const urlOfAll = (...ports: number[]): string =>
  `postgresql://postgres@${ports.map((port) => `127.0.0.1:${port}`).join(",")}${database}?target_session_attrs=read-write`;
const messagesOn = (server: PostgresServer): string[] =>
  server.sql(urlOf(server), "select content from messages order by id").split("\n");
const promote = (server: PostgresServer): void => void server.sql(urlOf(server), "select pg_promote()");

/** A message, which is acknowledged when this resolves. */
async function say(node: ChatServer, [from, to]: readonly [TestUser, TestUser], content: string): Promise<void> {
  const { status } = await node.post("/api/messages", from, { recipient_id: to.id, content, client_id: content });
  expect([content, status]).toEqual([content, 201]);
}

async function historyOf(node: ChatServer, [of, peer]: readonly [TestUser, TestUser]): Promise<unknown[]> {
  const { body } = await node.get(`/api/messages?recipient_id=${peer.id}&limit=100`, of);
  return (body["messages"] as { content: string }[]).map(({ content }) => content).toReversed();
}

test("synchronous replication: kill -9 of the primary in mid-load, promotion; nothing acknowledged is lost, and all goes on by itself", async () => {
  const replica = keep(await startReplica(primary.port));
  for (const text of ["alter system set synchronous_standby_names = 'replica'", "select pg_reload_conf()"])
    primary.sql(urlOf(primary), text);
  await using node = await startChatServer({ DATABASE_URL: urlOfAll(primary.port, replica.port) });
  const people = [await node.register("sync1"), await node.register("sync2")] as const;
  const acknowledged: string[] = [];
  let over = false;
  const load = Array.from({ length: 4 }, async (_, lane) => {
    for (let n = 0; !over; n++) {
      const content = `sync ${lane} ${n}`;
      const body = { recipient_id: people[1].id, content, client_id: content };
      const { status } = await node.post("/api/messages", people[0], body);
      if (status === 201) acknowledged.push(content);
    }
  });
  await expect.poll(() => acknowledged.length, patient).toBeGreaterThan(40);
  await primary.kill();
  const before = acknowledged.length;
  promote(replica);
  await expect.poll(() => acknowledged.length, patient).toBeGreaterThan(before + 40);
  over = true;
  await Promise.all(load);
  const stored = new Set(messagesOn(replica));
  expect(acknowledged.filter((content) => !stored.has(content))).toEqual([]);
  expect(stored.size).toBe(messagesOn(replica).length);
  primary = replica;
});

test("asynchronous: what had not left the primary is lost, cursors say so, sockets are asked back, and an old primary is left alone", async () => {
  await using proxy = await startFaultProxy(primary.port);
  const [old, replica] = [primary, keep(await startReplica(proxy.port))];
  const env = { DATABASE_URL: urlOfAll(old.port, replica.port) };
  await using node = await startChatServer(env);
  const people = [await node.register("async1"), await node.register("async2")] as const;
  await say(node, people, "kept");
  await expect.poll(() => messagesOn(replica), patient).toContain("kept");
  proxy.mode("blackhole");
  await say(node, people, "lost");
  const [ada] = people;
  const { body: before } = await node.get("/api/changes", ada);
  const socket = await node.open(ada);
  await old.kill();
  // It waits for the next primary.
  const sent = say(node, people, "sent meanwhile");
  promote(replica);
  await sent;
  expect(await socket.closed).toMatchObject({ code: 1012 });
  expect(await historyOf(node, people)).toEqual(["kept", "sent meanwhile"]);
  const { body: after } = await node.get(`/api/changes?cursor=${String(before["cursor"])}`, ada);
  // The numbers of what was lost are given out again: a device that saw it reads on from before.
  const last = { content: "sent meanwhile", seq: 2 };
  const rewound = [{ conversation_id: `user_${people[1].id}`, ver: 1, seq: 1 }];
  expect(after).toMatchObject({ reset: true, conversations: [{ last_message: last }], rewound });

  // It comes back as the primary that it was, and first in the list.
  await old.start();
  await say(node, people, "after its return");
  await using other = await startChatServer(env);
  await say(other, people, "from a node that began later");
  expect(messagesOn(replica).slice(-3)).toEqual(["sent meanwhile", "after its return", "from a node that began later"]);
  expect(messagesOn(old)).toContain("lost");
  expect(messagesOn(old)).not.toContain("after its return");
  primary = replica;
});

test("a primary that is fenced is away, for reads too, and is used again when it takes writes", async () => {
  await using node = await startChatServer({ DATABASE_URL: urlOf(primary) });
  const people = [await node.register("fence1"), await node.register("fence2")] as const;
  await say(node, people, "before");
  const fence = (is: "on" | "off"): void => {
    for (const text of [`alter system set default_transaction_read_only = ${is}`, "select pg_reload_conf()"])
      primary.sql(urlOf(primary), text);
  };
  // Side by side, so that there are many connections.
  const read = async (): Promise<number[]> => {
    const answers = Array.from({ length: 12 }, () => node.get("/api/users/search?q=fence", people[0]));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  expect(await read()).toEqual(Array(12).fill(200));
  fence("on");
  const sent = say(node, people, "held back");
  const failures = async (): Promise<string> => (await fetch(`${node.url}/metrics`)).text();
  await expect.poll(failures, { ...patient, interval: 5 }).toContain('om_failures_total{where="database"}');
  expect(await read()).toEqual(Array(12).fill(503));
  expect((await fetch(`${node.url}/ready`)).status).toBe(503);
  fence("off");
  await sent;
  expect(await historyOf(node, people)).toEqual(["before", "held back"]);
});
