import { ask } from "../load/http.ts";
import { nowMs } from "../measure.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { addPeople, addTalks, type Person } from "../stage/people.ts";

/** Side by side. */
const clients = 8;
const pairCount = 50;
/** Of ten operations. */
const readsOfTen = 9;

interface Pair {
  from: Person;
  to: Person;
  /** The newest message of this pair that was acknowledged. */
  acked: number;
}

/** How many reads need the database, and whether one ever misses what was acknowledged before it began. */
export const hitRate: Scenario = {
  name: "hit-rate",
  needs: "a server with Redis",
  how: `${clients} clients, ${pairCount} conversations of which the k-th is chosen with weight 1/k; of ten operations ${readsOfTen} read, the history or (one of ten) the list. A hit needed no history and no list of the database; a read is stale when it lacks a message that was acknowledged before it began.`,
  bars: [
    { what: "hit rate, Zipf, 90 % reads", figure: "hits", unit: "%", atLeast: 99 },
    { what: "stale reads", figure: "stale", unit: "reads", atMost: 0 },
  ],
  async open(stage) {
    const subject = await stage.server("redis");
    const people = await addPeople(subject.db, pairCount * 2);
    const pairs = Array.from({ length: pairCount }, (_, i): Pair => {
      const [from, to] = people.slice(i * 2, i * 2 + 2);
      if (from === undefined || to === undefined) throw new Error("no people");
      return { from, to, acked: 0 };
    });
    await addTalks(
      subject.db,
      pairs.map(({ from, to }) => [from, to]),
      60,
    );
    const misses = (): Promise<number> =>
      subject.metric(/^om_cache_reads_total\{kind="(?:conv|convlist)",result="(?!hit)/);
    for (const pair of pairs)
      await Promise.all([newestRead(subject.url, pair, false), newestRead(subject.url, pair, true)]);
    return {
      async run() {
        const before = await misses();
        const done = await mix(subject.url, pairs, Math.max(2, stage.size.seconds));
        const missed = (await misses()) - before;
        return { ...done, hits: (1 - missed / (done["reads"] ?? 0)) * 100 };
      },
    };
  },
};

async function mix(url: string, pairs: readonly Pair[], seconds: number): Promise<Figures> {
  const pick = zipf(pairs);
  const until = nowMs() + seconds * 1000;
  let [reads, writes, stale] = [0, 0, 0];
  const client = async (): Promise<void> => {
    while (nowMs() < until) {
      const pair = pick();
      if (Math.random() * 10 >= readsOfTen) {
        writes += 1;
        await write(url, pair);
        continue;
      }
      reads += 1;
      const { acked } = pair;
      if ((await newestRead(url, pair, Math.random() < 0.1)) < acked) stale += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { reads, writes, stale };
}

async function write(url: string, pair: Pair): Promise<void> {
  const message = { recipient_id: pair.to.id, content: "a line of a talk, as long as most of them are" };
  const { body } = await ask({ url: `${url}/api/messages`, token: pair.from.token }, message);
  const { id } = JSON.parse(body.toString()) as { id: number };
  pair.acked = Math.max(pair.acked, id);
}

/** The id of the newest message that an answer shows. */
async function newestRead(url: string, { from, to }: Pair, list: boolean): Promise<number> {
  const path = list ? "/api/conversations" : `/api/messages?recipient_id=${to.id}`;
  const { body } = await ask({ url: url + path, token: from.token });
  const answer = JSON.parse(body.toString()) as {
    messages?: { id: number }[];
    conversations?: { last_message: { id: number } }[];
  };
  return answer.messages?.[0]?.id ?? answer.conversations?.[0]?.last_message.id ?? 0;
}

/** Draws one of them, the k-th with weight 1/k. */
function zipf<T>(of: readonly T[]): () => T {
  let sum = 0;
  const sums = of.map((_, k) => (sum += 1 / (k + 1)));
  return () => {
    const drawn = Math.random() * sum;
    const found = of[sums.findIndex((upTo) => upTo >= drawn)];
    if (found === undefined) throw new Error("nothing to draw from");
    return found;
  };
}
