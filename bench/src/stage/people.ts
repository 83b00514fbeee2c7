import { createHmac, randomBytes } from "node:crypto";
import type { Database } from "./database.ts";

/** A user with an access token. */
export interface Person {
  id: number;
  token: string;
}

/** The servers' JWT_SECRET: people are made by SQL, and the benchmark signs their tokens itself. */
export const jwtSecret = randomBytes(32).toString("base64url");

/** New users. Nothing else is known of them, so no cache can hold what this writes. */
export async function addPeople(db: Database, count: number): Promise<Person[]> {
  const rows = await db.query(
    `with added as (
       insert into users (username, email, password_hash, full_name)
       select name, name || '@example.org', '', 'Person ' || name
       from (select 'b_' || $1::text || '_' || i as name from generate_series(1, $2::int) i) n
       returning id, username
     ),
     named as (insert into names (name, user_id) select username, id from added),
     states as (insert into user_state (user_id) select id from added)
     select id from added order by id`,
    [randomBytes(4).toString("hex"), count],
  );
  return rows.map(({ id }) => ({ id: Number(id), token: tokenOf(Number(id)) }));
}

/** New users, each logged in: their tokens are good for tickets too. */
export async function addSessions(db: Database, count: number): Promise<Person[]> {
  const people = await addPeople(db, count);
  const rows = await db.query(
    `insert into sessions (user_id, user_agent, created_at, last_used_at)
     select id, 'bench', now(), now() from unnest($1::bigint[]) id returning id, user_id`,
    [people.map(({ id }) => id)],
  );
  return rows.map((row) => {
    const userId = Number(row["user_id"]);
    return { id: userId, token: tokenOf(userId, Number(row["id"])) };
  });
}

/** Direct conversations, each with so many messages of its first person to the second, the newest of this moment. */
export async function addTalks(
  db: Database,
  pairs: readonly (readonly [{ id: number }, { id: number }])[],
  messages: number,
): Promise<void> {
  await db.query(
    `with pair as (select * from unnest($1::bigint[], $2::bigint[]) as p(a, b)),
     made as (
       insert into conversations (lo, hi, ver, seq) select least(a, b), greatest(a, b), $3::int, $3::int from pair
       returning id, lo, hi
     ),
     sides as (select m.id, p.a, p.b from made m join pair p on m.lo = least(p.a, p.b) and m.hi = greatest(p.a, p.b)),
     joined as (
       insert into participants (user_id, conversation_id, sent, sent_at_read, delivered_seq, read_seq)
       select a, id, $3::int, $3::int, $3::int, $3::int from sides union all select b, id, 0, 0, 0, 0 from sides
     )
     ${storeMessages("sides", "a")}`,
    [pairs.map(([from]) => from.id), pairs.map(([, to]) => to.id), messages],
  );
  await finish(db, [...new Set(pairs.flat().map(({ id }) => id))]);
}

/** A group of all of them with so many messages of the first one. @returns its id */
export async function addGroup(db: Database, members: readonly Person[], messages: number): Promise<number> {
  const ids = members.map(({ id }) => id);
  const [row] = await db.query(
    `with made as (insert into groups (name, creator_id) values ('everybody', ($1::bigint[])[1]) returning id),
     head as (insert into conversations (group_id, ver, seq) select id, $2::int, $2::int from made returning id, group_id),
     joined as (
       insert into participants (user_id, conversation_id, role, sent, sent_at_read, member_ver)
       select u, h.id, case when n = 1 then 'admin' else 'member' end, case when n = 1 then $2::int else 0 end, 0, 1
       from head h, unnest($1::bigint[]) with ordinality as m(u, n)
     ),
     stored as (${storeMessages("(select h.id, ($1::bigint[])[1] as a from head h)", "a", 2)})
     select group_id from head`,
    [ids, messages],
  );
  // The trigger that counts members has not seen the conversation, which the same statement made.
  await db.query("update conversations set members = $2 where group_id = $1", [row?.["group_id"], ids.length]);
  await finish(db, ids);
  return Number(row?.["group_id"]);
}

function storeMessages(conversations: string, sender: string, count = 3): string {
  return `insert into messages (conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, created_at)
    select s.id, n, n, n, s.${sender}, s.id || '-' || n, 'text', 'line ' || n || ' of a talk, long enough to look like one',
      now() - make_interval(secs => 60 + $${count}::int - n)
    from ${conversations} s, generate_series(1, $${count}::int) n order by s.id, n`;
}

/** What cannot be written in the statement that stores: heads know their last message, lists have a new version. */
async function finish(db: Database, people: number[]): Promise<void> {
  await db.query(
    `update conversations c set (last_message_id, last_message_at) =
       (select m.id, m.created_at from messages m where m.conversation_id = c.id and m.seq = c.seq)
     where c.last_message_id is null and c.seq > 0`,
  );
  await db.query("update user_state set list_ver = list_ver + 1 where user_id = any($1::bigint[])", [people]);
  await indexMessages(db);
}

/** All that was stored is searchable, so that the server has nothing of it to do while it is measured. */
export async function indexMessages(db: Database): Promise<void> {
  let row: Record<string, unknown> | undefined;
  do [row] = await db.query("select index_messages(10000) as count");
  while (Number(row?.["count"]) > 0);
}

/** As the server signs them; good for a day. */
function tokenOf(userId: number, sessionId?: number): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    email: "",
    exp: Math.floor(Date.now() / 1000) + 86_400,
    role: "user",
    user_id: userId,
    sid: sessionId,
  };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", jwtSecret).update(text).digest("base64url")}`;
}
