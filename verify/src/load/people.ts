import { randomBytes } from "node:crypto";
import { createHttp, type Answer, type Http } from "./http.ts";

export interface Person {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  token: string;
}

/** A direct conversation. */
export interface Direct {
  readonly object: string;
  readonly people: readonly [Person, Person];
  /** One of the two blocks the other now and then, so some messages are hidden. */
  readonly hides: boolean;
}

export interface Group {
  readonly object: string;
  readonly id: number;
  readonly admin: Person;
  /** Those who never leave. */
  readonly members: readonly Person[];
}

/** Who takes part in a run, and where they write. */
export interface People {
  /** They write and read. */
  readonly writers: readonly Person[];
  /** Their devices follow everything by cursor; they do nothing else. */
  readonly followers: readonly Person[];
  readonly directs: readonly Direct[];
  readonly groups: readonly Group[];
  /** They read far more than they write, among themselves, and come and go: what they are answered is right for a while. */
  readonly calm: readonly Person[];
  /** They join and leave the groups. */
  readonly hoppers: readonly Person[];
}

export interface PeopleOptions {
  writers: number;
  followers: number;
  calm: number;
  /** Direct conversations of each writer, about. */
  talks: number;
  groups: number;
}

export const password = "a password for the proof";

/** Makes accounts, conversations and groups on one node. */
export async function makePeople(url: string, options: PeopleOptions): Promise<People> {
  const http = createHttp(() => url, 20_000);
  const run = randomBytes(3).toString("hex");
  const names = Array.from({ length: options.writers + options.followers + options.calm }, (_, i) => `v_${run}_${i}`);
  const all = (await Promise.all(names.map((name) => register(url, name)))).sort((a, b) => a.id - b.id);
  const writers = all.slice(0, options.writers);
  const followers = all.slice(options.writers, options.writers + options.followers);
  const calm = all.slice(options.writers + options.followers);
  const hoppers = writers.slice(-2);
  const directs = [...pairs(writers, followers, options.talks), ...pairs(calm, [], calm.length - 1)];
  for (const { people } of directs) await firstMessage(http, people);
  const groups: Group[] = [];
  for (let index = 0; index < options.groups; index++) {
    const members = [...writers.slice(0, -2).filter((_, at) => (at + index) % 3 > 0), ...followers];
    groups.push(await makeGroup(http, `g_${run}_${index}`, members));
  }
  http.close();
  return { writers, followers, calm, directs, groups, hoppers };
}

async function register(url: string, name: string): Promise<Person> {
  const http = createHttp(() => url, 20_000);
  const email = `${name}@example.org`;
  const body = { username: name, email, password, full_name: `${name} 0` };
  const answer = await done(http.call({ method: "POST", path: "/api/auth/register", body }), 201);
  http.close();
  const { access_token: token, user } = answer as { access_token: string; user: { id: number } };
  return { id: user.id, name, email, token };
}

/** Each writer with the next ones, and each follower with a few writers. The last pair is the one with a block. */
function pairs(writers: readonly Person[], followers: readonly Person[], talks: number): Direct[] {
  const found = new Map<string, Direct>();
  const add = (a: Person | undefined, b: Person | undefined, hides = false): void => {
    if (a === undefined || b === undefined || a === b) return;
    const people: [Person, Person] = a.id < b.id ? [a, b] : [b, a];
    const object = `conv:${people[0].id}:${people[1].id}`;
    if (!found.has(object)) found.set(object, { object, people, hides });
  };
  add(writers[0], writers.at(-3), true);
  for (const [index, writer] of writers.entries())
    for (let step = 1; step <= Math.ceil(talks / 2); step++) add(writer, writers[(index + step) % writers.length]);
  for (const [index, follower] of followers.entries())
    for (let step = 0; step < 3; step++) add(follower, writers[(index + step) % writers.length]);
  return [...found.values()].toReversed();
}

async function firstMessage(http: Http, [from, to]: readonly [Person, Person]): Promise<void> {
  const body = { recipient_id: to.id, content: "hello", client_id: `hello user ${to.id}` };
  await done(http.call({ method: "POST", path: "/api/messages", token: from.token, body }), 201);
}

async function makeGroup(http: Http, name: string, members: readonly Person[]): Promise<Group> {
  const [admin] = members;
  if (admin === undefined) throw new Error("a group needs somebody");
  const { token } = admin;
  const body = { name, is_public: true, handle: name };
  const { id } = (await done(http.call({ method: "POST", path: "/api/groups", token, body }), 201)) as { id: number };
  for (const { token } of members.slice(1))
    await done(http.call({ method: "POST", path: `/api/groups/${id}/join`, token }), 200);
  const first = { content: "hello", client_id: `hello group ${id}` };
  await done(http.call({ method: "POST", path: `/api/groups/${id}/messages`, token, body: first }), 201);
  return { object: `group:${id}`, id, admin, members };
}

async function done(answer: Promise<Answer>, status: number): Promise<unknown> {
  const { status: got, body } = await answer;
  if (got !== status) throw new Error(`setting up: ${got} ${JSON.stringify(body)}`);
  return body;
}
