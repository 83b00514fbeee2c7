import type { Viewpoint } from "../history/events.ts";
import {
  directText,
  headText,
  historyText,
  listText,
  member,
  noMember,
  settledText,
  type RenderedConversation,
  type RenderedMessage,
  type RenderedPeer,
} from "../history/shapes.ts";
import type { Answer } from "./http.ts";
import type { Direct, Group, Person } from "./people.ts";
import type { Session } from "./session.ts";

/** Reads of the public API, with what each answer shows of which objects. */

/** What the server under test can do; older ones lack some reads. */
export interface Capabilities {
  unread: boolean;
}

export async function readDirect(session: Session, { object, people, hides }: Direct, limit: number): Promise<void> {
  const peer = other(people, session.person);
  const path = `/api/messages?recipient_id=${peer.id}&limit=${limit}`;
  const answer = await session.ask("read history", { method: "GET", path });
  if (answer !== undefined)
    noteHistory(session, answer, { object, view: `history/${session.person.id}/${limit}`, keys: [object] }, hides);
}

export async function readGroup(session: Session, { object, id }: Group, limit: number): Promise<void> {
  const answer = await session.ask("read group", { method: "GET", path: `/api/groups/${id}/messages?limit=${limit}` });
  if (answer === undefined) return;
  const key = `member:${id}:${session.person.id}`;
  const of = { object: key, view: "membership", keys: [key] };
  note(session, answer, { of, ver: undefined, text: answer.status === 403 ? noMember : member });
  if (answer.status === 200) noteHistory(session, answer, { object, view: `history/0/${limit}`, keys: [object] });
}

type Sent = RenderedMessage & { sender: Face; reply_to?: { sender: Face } };

function noteHistory(session: Session, answer: Answer, of: Viewpoint, hides = false): void {
  const { ver, messages } = answer.body as { ver?: number; messages: Sent[] };
  note(session, answer, { of, ver, text: historyText(messages) });
  const faces = messages.flatMap(({ sender, reply_to: reply }) => [
    sender,
    ...(reply === undefined ? [] : [reply.sender]),
  ]);
  noteFaces(session, answer, faces, { from: of, isKept: true, hides: () => hides });
  const written = messages.find(({ sender }) => sender.id !== session.person.id);
  if (written !== undefined) session.lastSeen.set(of.object, written.id);
}

/** The page that is cached, and now and then a longer one, which PostgreSQL alone answers; the two are not of one kind. */
const listPages = [50, 50, 50, 50, 100];
const cachedPage = 50;

type ListEntry = RenderedConversation & { peer: Face | null; last_message: { sender: Face } | null };

/** @param settled nothing moves any more: the entries of groups are compared as wholes */
export async function readList(session: Session, hides: (object: string) => boolean, settled = false): Promise<void> {
  const limit = session.random.pick(listPages);
  const answer = await session.ask("read list", { method: "GET", path: `/api/conversations?limit=${limit}` });
  if (answer === undefined) return;
  const { person } = session;
  const { conversations, list_ver: ver } = answer.body as { conversations: ListEntry[]; list_ver?: number };
  const direct: string[] = [];
  const groupIds: number[] = [];
  const isCached = limit <= cachedPage;
  const key = isCached ? `convlist:${person.id}` : `long list of ${person.id}`;
  for (const entry of conversations) {
    const { group, peer } = entry;
    if (group !== null) {
      groupIds.push(group.id);
      const keys = isCached ? [key, `group:${group.id}`] : [key];
      const view = settled ? `settled/${person.id}` : "head";
      const of = { object: `group:${group.id}`, view, keys };
      note(session, answer, { of, ver: entry.ver, text: settled ? settledText(entry) : headText(entry) });
    } else if (peer !== null) {
      const object = `conv:${Math.min(peer.id, person.id)}:${Math.max(peer.id, person.id)}`;
      direct.push(directText(entry, hides(object)));
    }
  }
  const of = { object: `convlist:${person.id}`, view: "list", keys: [key] };
  note(session, answer, { of, ver, text: listText(direct, groupIds) });
  const faces = conversations.flatMap(({ peer, last_message: last }) => [peer, last?.sender ?? null]);
  const hidesFrom = ({ id }: Face): boolean => hides(`conv:${Math.min(id, person.id)}:${Math.max(id, person.id)}`);
  noteFaces(
    session,
    answer,
    faces.filter((face) => face !== null),
    { from: of, isKept: isCached, hides: hidesFrom },
  );
}

export async function readUnread(session: Session, { people }: Direct): Promise<void> {
  const { person } = session;
  const peer = other(people, person);
  const path = `/api/conversations/user_${peer.id}/unread`;
  const answer = await session.ask("read unread", { method: "GET", path });
  if (answer === undefined) return;
  const { unread_count: count, ver } = answer.body as { unread_count: number; ver?: number };
  // It is raised only with what changes the count.
  const key = `unread:${person.id}:${peer.id}`;
  const of = { object: key, view: "unread", keys: [key], lags: true } as const;
  note(session, answer, { of, ver, text: String(count) });
}

/** It is not kept in the cache; what is one's own in it has a version of its own, so only the conversation's is compared. */
export async function readGroupUnread(session: Session, { object, id }: Group): Promise<void> {
  const answer = await session.ask("read unread", { method: "GET", path: `/api/conversations/group_${id}/unread` });
  if (answer?.status !== 200) return;
  const { ver } = answer.body as { ver?: number };
  if (ver === undefined) return;
  const keys = [`unread:${session.person.id}:group:${id}`];
  note(session, answer, { of: { object, view: "", keys }, ver, text: undefined });
}

/** @param hides see `Direct` */
export async function readUser(session: Session, id: number, hides: boolean): Promise<void> {
  const answer = await session.ask("read user", { method: "GET", path: `/api/users/${id}` });
  if (answer === undefined) return;
  const { user } = answer.body as { user: Face };
  const from = { object: `profile:${id}`, view: "user", keys: [`profile:${id}`] };
  noteFaces(session, answer, [user], { from, isKept: true, hides: () => hides });
}

/** Of a public group, so that the reader need not be in it. */
export async function readMembers(session: Session, { id }: Group): Promise<void> {
  const answer = await session.ask("read members", { method: "GET", path: `/api/groups/${id}/members` });
  if (answer === undefined) return;
  const members = answer.body as { id: number; full_name: string }[];
  const keys = [`about:${id}`];
  for (const { id: userId, full_name: name } of members) {
    const object = `member:${id}:${userId}`;
    note(session, answer, { of: { object, view: "membership", keys }, ver: undefined, text: member });
    const of = { object: `profile:${userId}`, view: "name", keys: [`profile:${userId}`] };
    note(session, answer, { of, ver: undefined, text: name });
  }
  const self = session.person.id;
  const text = members.some(({ id: userId }) => userId === self) ? member : noMember;
  note(session, answer, { of: { object: `member:${id}:${self}`, view: "membership", keys }, ver: undefined, text });
}

export async function readGroups(session: Session): Promise<void> {
  const answer = await session.ask("read groups", { method: "GET", path: "/api/groups" });
  if (answer === undefined) return;
  const groups = answer.body as { id: number; name: string }[];
  const self = session.person.id;
  for (const { id } of session.groups) {
    const shown = groups.find((group) => group.id === id);
    const of = { object: `member:${id}:${self}`, view: "membership", keys: [`convlist:${self}`] };
    note(session, answer, { of, ver: undefined, text: shown === undefined ? noMember : member });
    if (shown === undefined) continue;
    const called = { object: `group:${id}`, view: "called", keys: [`about:${id}`] };
    note(session, answer, { of: called, ver: undefined, text: shown.name });
  }
}

/** Somebody as an answer shows them. */
type Face = RenderedPeer & { is_online: boolean; presence?: "unknown" };

/**
 * Everybody whom an answer shows, each once: the name, whether the reader has blocked them, which belongs to the reader's profile, and
 * whether they are online, which is nobody's business where one blocks the other.
 * @param of.isKept the answer may be one that was given before; else everything in it was looked up for it
 */
function noteFaces(
  session: Session,
  answer: Answer,
  faces: readonly Face[],
  { from, isKept, hides }: { from: Viewpoint; isKept: boolean; hides: (face: Face) => boolean },
): void {
  const self = session.person.id;
  for (const face of new Map(faces.map((one) => [`${one.id} ${one.full_name} ${one.is_online}`, one])).values()) {
    const { id, full_name: name, is_blocked: isBlocked } = face;
    if (isKept) {
      const of = { object: `profile:${id}`, view: "name", keys: [`profile:${id}`] };
      note(session, answer, { of, ver: undefined, text: name });
    }
    if (hides(face)) {
      if (!isKept || id === self) continue;
      const of = { object: `blocks:${self}:${id}`, view: "blocked", keys: [`profile:${self}`] };
      note(session, answer, { of, ver: undefined, text: String(isBlocked === true) });
    } else if (session.comers.has(id)) {
      const shown = face.presence === "unknown" ? "unknown" : face.is_online ? "online" : "offline";
      const { node, recorder } = session;
      recorder.presence({
        node,
        userId: id,
        by: isKept ? `${self} ${from.object} ${from.view}` : undefined,
        ...answer,
        shown,
      });
    }
  }
}

function note(
  { id, node, recorder }: Session,
  { t0, t1 }: Answer,
  { of, ver, text }: { of: Viewpoint; ver: number | undefined; text: string | undefined },
): void {
  const number = text === undefined ? undefined : recorder.texts.add(text);
  recorder.read({ session: id, node, of: recorder.viewpoint(of), t0, t1, ver, text: number });
}

export function other([a, b]: readonly [Person, Person], self: Person): Person {
  return a === self ? b : a;
}
