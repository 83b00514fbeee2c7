import type { Recorder } from "../history/recorder.ts";
import type { Stage } from "../stage/stage.ts";
import { runActor } from "./actor.ts";
import { openFollower, type Follower } from "./follower.ts";
import { createChangeEvents } from "./change-events.ts";
import type { People } from "./people.ts";
import { readDirect, readGroup, readGroupUnread, readList, readUnread, type Capabilities } from "./reads.ts";
import { openSession, type Session } from "./session.ts";

/** Everybody at work. */
export interface Load extends AsyncDisposable {
  readonly hides: (object: string) => boolean;
  readonly followers: readonly Follower[];
  readonly capabilities: Capabilities;
  /** No session does anything any more when it resolves. */
  stop(): Promise<void>;
  /** After `stop`: reads everything once more, on every node. */
  sweep(): Promise<void>;
}

export interface LoadOptions {
  stage: Stage;
  people: People;
  recorder: Recorder;
  seed: number;
  pauseMs: number;
}

/** Two sessions per person who writes, at different nodes, and one device per follower. */
export async function startLoad({ stage, people, recorder, seed, pauseMs }: LoadOptions): Promise<Load> {
  const { nodes } = stage;
  const changeEvents = createChangeEvents();
  const base = (node: number) => (): string => nodes[node % nodes.length]?.url ?? "";
  const actors = [...people.writers, ...people.calm];
  const sessions = [0, 1].flatMap((copy) =>
    actors.map((person, index) => {
      const node = (index + copy) % nodes.length;
      const id = copy * actors.length + index;
      return openSession({ id, node, person, people, seed, recorder, changeEvents, base: base(node) });
    }),
  );
  const followers = people.followers.map((person, index) => openFollower(base(index)(), person, index % nodes.length));
  const hiding = new Set(people.directs.filter(({ hides }) => hides).map(({ object }) => object));
  const hides = (object: string): boolean => hiding.has(object);
  const capabilities = await probe(sessions);
  let stopped = false;
  const deps = { capabilities, hides, pauseMs, stopped: () => stopped };
  const running = Promise.all(sessions.map((session) => runActor(session, deps)));
  return {
    hides,
    followers,
    capabilities,
    async stop() {
      stopped = true;
      await running;
    },
    async sweep() {
      for (const session of sessions) await readAll(session, { capabilities, hides });
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      for (const session of sessions) session.close();
      for (const follower of followers) await follower[Symbol.asyncDispose]();
    },
  };
}

/** What this server can do. */
async function probe(sessions: readonly Session[]): Promise<Capabilities> {
  const [session] = sessions;
  const [direct] = session?.directs ?? [];
  if (session === undefined || direct === undefined) throw new Error("nobody is here");
  const [peer] = direct.people.filter((person) => person !== session.person);
  const path = `/api/conversations/user_${peer?.id}/unread`;
  return { unread: (await session.ask("probe", { method: "GET", path })) !== undefined };
}

async function readAll(
  session: Session,
  { capabilities, hides }: { capabilities: Capabilities; hides: (object: string) => boolean },
): Promise<void> {
  await readList(session, hides, true);
  for (const direct of session.directs) {
    await readDirect(session, direct, 50);
    if (capabilities.unread) await readUnread(session, direct);
  }
  for (const group of session.groups) {
    await readGroup(session, group, 50);
    if (capabilities.unread) await readGroupUnread(session, group);
  }
}
