import { ask, httpLoad, type Target } from "../load/http.ts";
import type { Bar, Session } from "../scenario.ts";
import { addPeople, addTalks, type Person } from "../stage/people.ts";
import { until, type Kind, type Stage, type Subject } from "../stage/stage.ts";

/** The two pages that are measured. */
export type PageName = "history" | "list";
export const pageTitles = { history: "history of 50", list: "list of 20" };

/** A page as it is now, and how to ask for it. */
export interface Page {
  target: Target;
  body: Buffer;
  headers: Headers;
  /** Whose page it is, and who writes to that person. */
  reader: Person;
  writer: Person;
}

const connections = 32;
/** Stands in an answer when Redis was not heard in time. */
const unknown = ',"presence":"unknown"';

/** Somebody with 20 direct conversations of so many messages each, and the newest page of one of them or the list. */
export async function openPage(subject: Subject, name: PageName, messages = 60): Promise<Page> {
  const [reader, ...others] = await addPeople(subject.db, 21);
  const [writer] = others;
  if (reader === undefined || writer === undefined) throw new Error("no people");
  await addTalks(
    subject.db,
    others.map((other) => [other, reader]),
    messages,
  );
  return readPage(subject, { name, reader, writer });
}

/** Asks for a page as it is now, until the server knows who is online. @throws Error when it is not what it should be */
export async function readPage(
  subject: Subject,
  { name, reader, writer }: { name: PageName; reader: Person; writer: Person },
): Promise<Page> {
  const path = name === "list" ? "/api/conversations?limit=20" : `/api/messages?recipient_id=${writer.id}&limit=50`;
  const check = (bytes: Buffer): void => {
    const { messages, conversations } = JSON.parse(bytes.toString()) as Record<string, unknown[]>;
    const [rows, wanted] = name === "list" ? [conversations, 20] : [messages, 50];
    if (rows?.length !== wanted) throw new Error(`${path}: ${rows?.length ?? "no"} rows instead of ${wanted}`);
  };
  const target = { url: subject.url + path, token: reader.token, pid: subject.pid, check };
  let answer = await ask(target);
  await until("who is online is known", async () => !(answer = await ask(target)).body.includes(unknown));
  check(answer.body);
  return { target, ...answer, reader, writer };
}

/** The page against `node:http` with the same bytes; of a page that stays as it is, every answer is compared. */
export function pageSession(stage: Stage, page: Page, options: { changes: boolean }): Session {
  const load = { seconds: stage.size.seconds, connections };
  const target = options.changes ? page.target : unchanged(page);
  return {
    ceiling: async () => (await stage.bare()).http(page, load),
    run: () => httpLoad(target, load),
  };
}

/** The page must stay as it is. A server that has not heard of Redis in time may say that it does not know who is online. */
export function unchanged({ target, body }: Page): Target {
  const check = (other: Buffer): void => {
    if (other.toString().replaceAll(unknown, "") !== body.toString())
      throw new Error(`${target.url}: other bytes than those of the first answer: ${other.toString().slice(0, 500)}`);
  };
  return { ...target, body, check };
}

/** The bars of a page under load. */
export function pageBars(what: string, atLeast: number, cpuAtMost?: number): Bar[] {
  const of = "bare node:http";
  const rate: Bar = { what: `${what}, requests/s`, figure: "rate", unit: "requests/s", of, atLeast };
  if (cpuAtMost === undefined) return [rate];
  return [rate, { what: `${what}, server CPU`, figure: "cpu", unit: "µs", of, as: "multiple", atMost: cpuAtMost }];
}

/** What a kind of server is called. */
export const kindTitles: Record<Kind, string> = {
  redis: "with Redis",
  plain: "without Redis",
  embedded: "on the embedded database",
};
