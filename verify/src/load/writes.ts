import type { Proof } from "../history/events.ts";
import type { Answer } from "./http.ts";
import type { Direct, Group } from "./people.ts";
import { now } from "./clock.ts";
import { other } from "./reads.ts";
import { objectNamed, type Session } from "./session.ts";

/** Writes through the public API. Each returns the objects that it certainly changed, for those who want to read them at once. */

/** How long a message over WebSocket may wait for its ack, lines that break on the way included. */
const ackTimeoutMs = 8_000;
/** Messages of its own that a session remembers, to edit and delete them. */
const remembered = 12;

type Target = { object: string; fields: Record<string, number> };

const directTarget = (session: Session, { object, people }: Direct): Target => ({
  object,
  fields: { recipient_id: other(people, session.person).id },
});

export function sendDirect(session: Session, direct: Direct): Promise<string[]> {
  const target = directTarget(session, direct);
  const byLine = !session.line.isAway && session.random.chance(0.6);
  return byLine ? sendByLine(session, target) : sendByHttp(session, target, "/api/messages");
}

export function sendGroup(session: Session, { object, id }: Group): Promise<string[]> {
  const target = { object, fields: { group_id: id } };
  return session.random.chance(0.6)
    ? sendByLine(session, target)
    : sendByHttp(session, target, `/api/groups/${id}/messages`);
}

function draft(session: Session, object: string): Record<string, unknown> & { client_id: string; content: string } {
  const number = ++session.count;
  const { random } = session;
  const replied = random.chance(0.15) ? session.sent.findLast((message) => message.object === object) : undefined;
  const reply = replied === undefined ? {} : { reply_to_id: replied.id };
  return {
    client_id: `v-${session.id}-${number}`,
    content: `s${session.id} says ${number}`,
    message_type: "text",
    ...reply,
  };
}

async function sendByLine(session: Session, { object, fields }: Target): Promise<string[]> {
  const { recorder } = session;
  const payload = draft(session, object);
  const t0 = now();
  const answer = await session.line.chat({ ...payload, ...fields }, ackTimeoutMs);
  if (answer?.ack === undefined) {
    recorder.trouble("send by socket", answer?.code ?? "no answer", now());
    return [];
  }
  recorder.answered("send by socket", t0, answer.at);
  const { conversation_id: name, ver, server_id: id } = answer.ack;
  remember(session, { object, id, content: payload.content });
  return wrote(session, { t0, t1: answer.at }, { object: objectNamed(name, session.person.id), ver });
}

async function sendByHttp(session: Session, { object, fields }: Target, path: string): Promise<string[]> {
  const payload = draft(session, object);
  const answer = await session.ask("send by HTTP", { method: "POST", path, body: { ...payload, ...fields } });
  if (answer?.status !== 201) return [];
  const { id, ver } = answer.body as { id: number; ver: number };
  remember(session, { object, id, content: payload.content });
  return wrote(session, answer, { object, ver });
}

function remember(session: Session, message: Session["sent"][number]): void {
  session.sent.push(message);
  if (session.sent.length > remembered) session.sent.shift();
}

export async function edit(session: Session): Promise<string[]> {
  if (session.sent.length === 0) return [];
  const { object, id, content } = session.random.pick(session.sent);
  const body = { content: `${content}, or rather ${++session.count}` };
  const answer = await session.ask("edit", { method: "PUT", path: `/api/messages/${id}`, body });
  if (answer === undefined) return [];
  return wrote(session, answer, { object, ver: (answer.body as { ver: number }).ver });
}

export async function remove(session: Session, hides: (object: string) => boolean): Promise<string[]> {
  const index = session.sent.findLastIndex(({ object }) => !hides(object));
  const [message] = index < 0 ? [] : session.sent.splice(index, 1);
  if (message === undefined) return [];
  const { object, id } = message;
  const answer = await session.ask("delete", { method: "DELETE", path: `/api/messages/${id}` });
  return answer === undefined ? [] : wrote(session, answer, { effect: `deleted ${id}` }, [object]);
}

export async function markRead(session: Session, { object, people }: Direct): Promise<string[]> {
  const { person } = session;
  const path = `/api/conversations/${other(people, person).id}/read`;
  const answer = await session.ask("mark read", { method: "POST", path });
  return answer === undefined ? [] : wrote(session, answer, { effect: `read ${object} ${person.id}` }, [object]);
}

/** Without an answer: what it changes is proven by pushes alone. */
export function receipt(session: Session, messageId: number): void {
  session.line.send("ack", { server_id: messageId, status: session.random.chance(0.5) ? "delivered" : "read" });
}

export async function readGroupUpTo(session: Session, { object, id }: Group, messageId: number): Promise<string[]> {
  const body = { last_read_message_id: messageId };
  const answer = await session.ask("group read", { method: "POST", path: `/api/groups/${id}/read`, body });
  return answer?.status !== 200
    ? []
    : wrote(session, answer, { effect: `read ${object} ${session.person.id}` }, [object]);
}

/** Joins, or leaves when that fails: a hopper does not know for certain where it is. */
export async function leaveAndRejoin(session: Session, { object, id }: Group): Promise<string[]> {
  const step = session.random.chance(0.5) ? "join" : "leave";
  const answer = await session.ask(step, { method: "POST", path: `/api/groups/${id}/${step}` });
  if (answer === undefined) return [];
  const effect = `${step === "join" ? "joined" : "left"} ${object} ${session.person.id}`;
  return wrote(session, answer, { effect }, [object, `convlist:${session.person.id}`]);
}

export async function rename(session: Session): Promise<string[]> {
  const { person } = session;
  const name = `${person.name} ${++session.count}`;
  const answer = await session.ask("rename", { method: "PUT", path: "/api/users/me", body: { full_name: name } });
  if (answer === undefined) return [];
  const shownIn = session.directs.map(({ object }) => object);
  return wrote(session, answer, { effect: `named ${person.id} ${name}` }, shownIn);
}

export async function renameGroup(session: Session, { object, id }: Group): Promise<string[]> {
  const name = `group ${id} ${++session.count}`;
  const answer = await session.ask("rename group", { method: "PUT", path: `/api/groups/${id}`, body: { name } });
  return answer === undefined ? [] : wrote(session, answer, { effect: `group named ${id} ${name}` }, [object]);
}

export async function block(session: Session, { object, people }: Direct): Promise<string[]> {
  const step = session.random.chance(0.5) ? "block" : "unblock";
  const peer = other(people, session.person);
  const answer = await session.ask(step, { method: "POST", path: `/api/users/${step}/${peer.id}` });
  if (answer === undefined) return [];
  return wrote(session, answer, { effect: `${step}ed ${session.person.id} ${peer.id}` }, [object]);
}

export async function clear(session: Session, { object, people }: Direct): Promise<string[]> {
  const peer = other(people, session.person);
  const path = `/api/conversations/user_${peer.id}`;
  const answer = await session.ask("clear", { method: "DELETE", path });
  return answer === undefined
    ? []
    : wrote(session, answer, { effect: `cleared ${object} ${session.person.id}` }, [object]);
}

function wrote(
  session: Session,
  { t0, t1 }: Pick<Answer, "t0" | "t1">,
  proof: Proof,
  objects: readonly string[] = "object" in proof ? [proof.object] : [],
): string[] {
  session.recorder.wrote(session.id, t0, t1, proof);
  for (const object of objects) session.changeEvents.notify(object);
  return [...objects];
}
