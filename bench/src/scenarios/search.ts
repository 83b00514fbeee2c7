import { nowMs, quantile } from "../measure.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { addPeople, indexMessages, type Person } from "../stage/people.ts";
import type { Subject } from "../stage/stage.ts";
import { messageWords, seeded, searchesFor, textOf } from "./search-texts.ts";

const pageSize = 20;
const groupSize = 20_000;
const directSize = 200;
const groupMembers = 60;

/** A conversation in which every message can be made again from its number. */
interface Talk {
  id: number;
  size: number;
  members: Person[];
}

/** People who write directly and in groups, 2,500 messages a head. */
export const search: Scenario = {
  name: "search",
  needs: "a server of its own",
  how:
    "So many messages as --messages says (default 5,000,000) in three scripts, two fifths of them in groups of 60, words as unequally common as in a language; " +
    "1,000 searches one after the other by people chosen at random, for one or two words of a message that they see or the beginnings of such. " +
    "Each answer is held against a plain scan of all that this person sees.",
  bars: [
    { what: "searches", figure: "p95", unit: "ms", atMost: 150 },
    { what: "found of what a plain scan finds", figure: "recall", unit: "of 1", atLeast: 0.99 },
  ],
  onRequest: true,
  runs: 1,
  async open(stage) {
    const subject = await stage.ownServer("plain");
    const { messages, quick } = stage.size;
    const people = await addPeople(subject.db, Math.max(groupMembers, Math.ceil(messages / 2_500)));
    const talks = await addTalks(subject, people, messages);
    await indexMessages(subject.db);
    await subject.db.query("vacuum analyze messages, searchable_messages");
    const own = new Map<Person, Talk[]>();
    for (const talk of talks) for (const person of talk.members) own.set(person, [...(own.get(person) ?? []), talk]);
    return { run: () => measure(subject, own, quick ? 200 : 1_000) };
  },
};

async function addTalks({ db }: Subject, people: readonly Person[], messages: number): Promise<Talk[]> {
  const random = seeded(1);
  const one = (): Person => people[Math.floor(random() * people.length)] ?? fail("nobody is there");
  const some = (count: number): Person[] => [...new Set(Array.from({ length: count }, one))];
  const groups = Math.max(1, Math.round((0.4 * messages) / groupSize));
  const wanted = [
    ...Array.from({ length: groups }, () => ({ size: groupSize, members: some(groupMembers) })),
    ...Array.from({ length: Math.ceil((0.6 * messages) / directSize) }, () => ({ size: directSize, members: some(2) })),
  ];
  const pairs = new Set<string>();
  const kept = wanted.filter(({ size, members }) => {
    const key = members
      .map(({ id }) => id)
      .toSorted((a, b) => a - b)
      .join(",");
    return size === groupSize || (members.length === 2 && pairs.size < pairs.add(key).size);
  });
  const talks: Talk[] = [];
  for (const talk of kept) talks.push({ ...talk, id: await addTalk(db, talk) });
  // All of them go on side by side, as talks do.
  for (let step = 0; step < 100; step++) {
    const due = talks.flatMap(({ id, size, members }) =>
      Array.from({ length: size / 100 }, (_, i) => ({ id, seq: (step * size) / 100 + i + 1, members })),
    );
    for (let at = 0; at < due.length; at += 10_000) {
      const rows = due.slice(at, at + 10_000);
      await db.query(
        `insert into messages (conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, created_at)
         select c, s, s, s, u, c || '-' || s, 'text', t, now() from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) as i(c, s, u, t)`,
        [
          rows.map(({ id }) => id),
          rows.map(({ seq }) => seq),
          rows.map(({ seq, members }) => members[seq % members.length]?.id),
          rows.map(({ id, seq }) => textOf(id, seq)),
        ],
      );
    }
  }
  await db.query(
    "update conversations c set (last_message_id, last_message_at) = (select m.id, m.created_at from messages m where m.conversation_id = c.id and m.seq = c.seq)",
  );
  return talks;
}

async function addTalk(db: Subject["db"], { size, members }: Omit<Talk, "id">): Promise<number> {
  const ids = members.map(({ id }) => id);
  const [row] = await db.query(
    `with made as (insert into groups (name, creator_id) select 'a group', ($1::bigint[])[1] where $2::int = ${groupSize} returning id),
     head as (
       insert into conversations (lo, hi, group_id, ver, seq)
       select case when g.id is null then least($3::bigint, $4::bigint) end, case when g.id is null then greatest($3::bigint, $4::bigint) end, g.id, $2::int, $2::int
       from (select 1) o left join made g on true returning id
     ),
     joined as (insert into participants (user_id, conversation_id) select unnest($1::bigint[]), id from head)
     select id from head`,
    [ids, size, ids[0], ids[1]],
  );
  return Number(row?.["id"]);
}

async function measure(subject: Subject, own: ReadonlyMap<Person, Talk[]>, count: number): Promise<Figures> {
  const random = seeded(2);
  const people = [...own.keys()];
  const times: number[] = [];
  let [found, right] = [0, 0];
  for (let i = 0; i < count; i++) {
    const person = people[Math.floor(random() * people.length)] ?? fail("nobody is there");
    const talks = own.get(person) ?? [];
    const talk = talks[Math.floor(random() * talks.length)] ?? fail("no talk");
    const asked = searchesFor(messageWords(talk.id, 1 + Math.floor(random() * talk.size)), random);
    const began = nowMs();
    const answer = await fetch(`${subject.url}/api/messages/search`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${person.token}` },
      body: JSON.stringify({ q: asked.text, limit: pageSize }),
    });
    const { results } = (await answer.json()) as { results: { message: { client_id: string } }[] };
    times.push(nowMs() - began);
    const expected = scan(talks, asked.fits);
    right += expected.length;
    const names = new Set(results.map(({ message }) => message.client_id));
    found += expected.filter((name) => names.has(name)).length;
    if (names.size > expected.length) throw new Error(`"${asked.text}" found ${names.size}, not ${expected.length}`);
  }
  const { p50, p95, p99 } = { p50: quantile(times, 0.5), p95: quantile(times, 0.95), p99: quantile(times, 0.99) };
  return { p50, p95, p99, recall: found / right };
}

/** Names of the newest messages that fit, of the talks in the order in which they were stored. */
function scan(talks: readonly Talk[], fits: (words: readonly string[]) => boolean): string[] {
  const names: string[] = [];
  const ordered = talks.toSorted((a, b) => b.id - a.id);
  for (let step = 99; step >= 0; step--) {
    for (const { id, size } of ordered) {
      for (let seq = ((step + 1) * size) / 100; seq > (step * size) / 100; seq--) {
        if (!fits(messageWords(id, seq))) continue;
        names.push(`${id}-${seq}`);
        if (names.length === pageSize) return names;
      }
    }
  }
  return names;
}

function fail(why: string): never {
  throw new Error(why);
}
