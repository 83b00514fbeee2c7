import { now } from "./clock.ts";
import type { Direct, Group } from "./people.ts";
import {
  other,
  readDirect,
  readGroup,
  readGroups,
  readGroupUnread,
  readList,
  readMembers,
  readUnread,
  readUser,
  type Capabilities,
} from "./reads.ts";
import type { Session } from "./session.ts";
import {
  block,
  clear,
  edit,
  leaveAndRejoin,
  markRead,
  readGroupUpTo,
  receipt,
  remove,
  rename,
  renameGroup,
  sendDirect,
  sendGroup,
} from "./writes.ts";

export interface ActorDeps {
  capabilities: Capabilities;
  hides: (object: string) => boolean;
  /** Mean pause between two things that a simulated user does, in ms. */
  pauseMs: number;
  stopped: () => boolean;
}

/** A thing that a simulated user does in a direct conversation and, if there is one, in a group. */
interface Operation {
  /** How often it is done, against the others. */
  weight: number;
  /** The same for calm people: what changes in their conversations is rare, so most of what they are answered was answered before. */
  calm?: number;
  /** Of the devices on which a user is logged in, only one does it: see `Session.isOwner`. */
  byOwner?: true;
  /** @returns objects that were certainly changed */
  run(session: Session, at: { direct: Direct; group: Group | undefined }, deps: ActorDeps): Promise<string[]>;
}

/** The page that is read most is also the one that most often changes under its readers. */
const pages = [20, 20, 20, 50];

const operations: Record<string, Operation> = {
  readDirect: {
    weight: 30,
    calm: 40,
    run: (session, { direct }) => nothing(readDirect(session, direct, page(session))),
  },
  readGroup: { weight: 14, run: (session, { group }) => nothing(group && readGroup(session, group, page(session))) },
  readList: { weight: 10, calm: 45, run: (session, _at, { hides }) => nothing(readList(session, hides)) },
  readUnread: {
    weight: 12,
    calm: 10,
    run: async (session, { direct, group }, { capabilities }) => {
      if (!capabilities.unread) return [];
      const ofGroup = group !== undefined && session.random.chance(0.3);
      return nothing(ofGroup ? readGroupUnread(session, group) : readUnread(session, direct));
    },
  },
  readUser: { weight: 4, calm: 10, run: (session, { direct }) => nothing(readPeer(session, direct)) },
  readGroups: {
    weight: 6,
    run: (session, { group }) =>
      nothing(group && (session.random.chance(0.5) ? readGroups(session) : readMembers(session, group))),
  },
  sendDirect: { weight: 13, calm: 1, run: (session, { direct }) => sendDirect(session, direct) },
  sendGroup: {
    weight: 6,
    run: async (session, { group }) => (group === undefined || session.isHopper ? [] : sendGroup(session, group)),
  },
  edit: { weight: 4, calm: 0.1, run: (session) => edit(session) },
  remove: { weight: 2, calm: 0.1, run: (session, _at, { hides }) => remove(session, hides) },
  position: { weight: 6, calm: 0.2, byOwner: true, run: (session, { direct }) => position(session, direct) },
  groupPosition: {
    weight: 3,
    byOwner: true,
    run: async (session, { group }) => {
      const seen = session.lastSeen.get(group?.object ?? "");
      return group === undefined || seen === undefined ? [] : readGroupUpTo(session, group, seen);
    },
  },
  leaveAndRejoin: {
    weight: 3,
    byOwner: true,
    run: async (session, { group }) => (group !== undefined && session.isHopper ? leaveAndRejoin(session, group) : []),
  },
  rename: { weight: 0.7, calm: 1.2, byOwner: true, run: (session) => rename(session) },
  renameGroup: {
    weight: 0.7,
    byOwner: true,
    run: async (session, { group }) => (group?.admin === session.person ? renameGroup(session, group) : []),
  },
  block: {
    weight: 1,
    calm: 0.4,
    byOwner: true,
    run: async (session) => {
      const hiding = session.directs.find(({ hides, people }) => hides && people[0] === session.person);
      return hiding === undefined ? [] : block(session, hiding);
    },
  },
  comeOrGo: { weight: 0, calm: 4, byOwner: true, run: (session) => nothing(comeOrGo(session)) },
  clear: {
    weight: 0.3,
    byOwner: true,
    run: async (session, { direct }, { hides }) => (hides(direct.object) ? [] : clear(session, direct)),
  },
};

const weights = Object.fromEntries(Object.entries(operations).map(([name, { weight }]) => [name, weight]));
const calmWeights = Object.fromEntries(Object.entries(operations).map(([name, { calm = 0 }]) => [name, calm]));

/** Acts as a user on one device until it is stopped, and reads what it or others have just changed more often than not. */
export async function runActor(session: Session, deps: ActorDeps): Promise<void> {
  const { random, changeEvents, directs, groups } = session;
  const mine = [...directs, ...groups].map(({ object }) => object);
  while (!deps.stopped()) {
    const operation = operations[random.weighted(session.isCalm ? calmWeights : weights)];
    const at = { direct: random.favourite(directs), group: groups.length === 0 ? undefined : random.favourite(groups) };
    const mayDo = operation !== undefined && (operation.byOwner === undefined || session.isOwner);
    const changed = mayDo ? await operation.run(session, at, deps) : [];
    if (changed.length > 0 && random.chance(0.7)) await readObject(session, random.pick(changed), deps);
    const pause = random.between(0, (session.isCalm ? 0.5 : 2) * deps.pauseMs);
    const changedByOthers = await changeEvents.wait(random.chance(0.5) ? mine : [], pause);
    if (changedByOthers !== undefined && !deps.stopped()) await readObject(session, changedByOthers, deps);
  }
}

/** Longer than the grace after which somebody who left is told as gone; the shorter, the more often there is something to see. */
const leastMs = { away: 8_000, here: 2_000 };

async function comeOrGo({ line }: Session): Promise<void> {
  if (now() - line.since >= leastMs[line.isAway ? "away" : "here"]) line.comeOrGo();
}

/** One half of the people use the route, the other half frames: so an answer is never about somebody else's frame. */
async function position(session: Session, direct: Direct): Promise<string[]> {
  if (session.person.id % 2 === 0) return markRead(session, direct);
  const seen = session.lastSeen.get(direct.object);
  if (seen !== undefined) receipt(session, seen);
  return [];
}

/** Reads an object in one of the ways in which it shows. */
async function readObject(session: Session, object: string, { capabilities, hides }: ActorDeps): Promise<void> {
  const { random } = session;
  const direct = session.directs.find((one) => one.object === object);
  const group = session.groups.find((one) => one.object === object);
  if (object.startsWith("convlist:") || random.chance(0.2)) return readList(session, hides);
  if (direct !== undefined && capabilities.unread && random.chance(0.25)) return readUnread(session, direct);
  if (direct !== undefined && random.chance(0.1)) return readPeer(session, direct);
  if (direct !== undefined) return readDirect(session, direct, page(session));
  if (group !== undefined && random.chance(0.4)) {
    return random.chance(0.5) ? readGroups(session) : readMembers(session, group);
  }
  if (group !== undefined) return readGroup(session, group, page(session));
}

const readPeer = (session: Session, { people, hides }: Direct): Promise<void> =>
  readUser(session, other(people, session.person).id, hides);

const page = ({ random }: Session): number => random.pick(pages);

async function nothing(done: Promise<void> | undefined): Promise<string[]> {
  await done;
  return [];
}
