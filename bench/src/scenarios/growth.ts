import { ask, httpLoad } from "../load/http.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { addPeople, addTalks } from "../stage/people.ts";
import type { Stage, Subject } from "../stage/stage.ts";
import { openPage, readPage, type Page } from "./page.ts";

/** Messages in the database when the list is measured, and how many of them stand in the reader's own conversations. */
const sizes = [
  { total: 10_000, own: 60 },
  { total: 100_000, own: 500 },
  { total: 1_000_000, own: 2_000 },
  { total: 5_000_000, own: 5_000 },
];
const name = (total: number): string =>
  total < 1_000_000 ? `${total / 1_000} thousand` : `${total / 1_000_000} million`;

/** Whether a list costs more when there are more messages. */
export const growth: Scenario = {
  name: "growth",
  needs: "two servers of its own without Redis",
  how: "A list of 20 direct conversations, read from PostgreSQL after a new message each time, one request after the other; median. The database grows to 5 million messages in 5,000 conversations (--quick: 100 thousand), up to 5,000 of them in each of the reader's own.",
  bars: [
    {
      what: "the list's cost in the large database",
      figure: "ms",
      unit: "ms",
      of: "the same with 10 thousand",
      as: "multiple",
      atMost: 1.3,
    },
  ],
  charts: [
    {
      title: "A list of 20 read from PostgreSQL as the database grows",
      unit: "ms",
      axis: "messages in the database",
      show: { median: "ms" },
    },
  ],
  async open(stage) {
    const [base, ...larger] = stage.size.quick ? sizes.slice(0, 2) : sizes;
    if (base === undefined) throw new Error("no sizes");
    const small = await stage.ownServer("plain");
    const smallPage = await fill(small, base, 0);
    const big = await stage.ownServer("plain");
    const between: Figures = {};
    let page = smallPage;
    let have = 0;
    for (const size of larger) {
      page = await fill(big, size, have);
      have = size.total;
      between[`ms@${name(size.total)}`] = (await build(stage, big, page)).ms;
    }
    return {
      ceiling: () => build(stage, small, smallPage),
      async run() {
        const { ms } = await build(stage, big, page);
        return { [`ms@${name(base.total)}`]: (await build(stage, small, smallPage)).ms, ...between, ms };
      },
    };
  },
};

/** Adds what is missing to so many messages, and a reader with conversations of that size. */
async function fill({ db, ...subject }: Subject, size: { total: number; own: number }, have: number): Promise<Page> {
  const page = await openPage({ db, ...subject }, "list", size.own);
  const conversations = Math.min(500, (size.total - have) / 100);
  const rest = size.total - have - 20 * size.own;
  for (let stored = 0; stored < rest; stored += 500_000) {
    const people = await addPeople(db, conversations);
    const pairs = people.map((person, i) => [person, people[(i + 1) % people.length] ?? person] as const);
    await addTalks(db, pairs, Math.round(Math.min(500_000, rest - stored) / conversations));
  }
  await db.query("vacuum analyze");
  await db.query("checkpoint");
  return readPage({ db, ...subject }, { name: "list", ...page });
}

async function build(stage: Stage, { url }: Subject, { target, reader, writer }: Page): Promise<{ ms: number }> {
  const message = { recipient_id: reader.id, content: "a line that changes the list" };
  const before = (): Promise<unknown> => ask({ url: `${url}/api/messages`, token: writer.token }, message);
  const { p50 } = await httpLoad({ ...target, before }, { seconds: stage.size.seconds, connections: 1 });
  return { ms: p50 };
}
