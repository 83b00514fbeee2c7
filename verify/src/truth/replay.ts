import type { Ledger, Effect } from "../checks/proven.ts";
import type { ObjectHistory, State } from "../checks/object-history.ts";
import type { InternedTexts } from "../history/interned-texts.ts";
import type { Conversation } from "./conversation.ts";
import type { LogRow } from "./log.ts";
import { noMember } from "../history/shapes.ts";
import { projectHead, projectHistory, projectList, projectMembership, projectUnread } from "./projections.ts";
import { createWorld, type World } from "./world.ts";

interface Txn {
  id: number;
  at: number;
  lastId: number;
  rows: LogRow[];
}

/** A view under replay: what it shows now, and since which state. */
interface View {
  project(): string;
  text: string | undefined;
  spans: [from: number, to: number][] | undefined;
  readonly shown: Map<number, [from: number, to: number][]>;
}

interface Track {
  /** Its version is that of something larger, so only what shows makes a new state. */
  readonly lags: boolean;
  readonly states: State[];
  readonly views: ReadonlyMap<string, View>;
}

/** Which views of which objects were read. */
export type Wanted = ReadonlyMap<string, ReadonlySet<string>>;

/** What the account is read with. */
export interface ReplayOptions {
  wanted: Wanted;
  /** The texts that were read; others are not kept. */
  texts: InternedTexts;
  /** Objects in which messages may be hidden from one of the two. */
  hiding: ReadonlySet<string>;
}

/** Goes through PostgreSQL's account and finds out what every object that was read ever was and showed. */
export function replay(log: readonly LogRow[], options: ReplayOptions): Ledger & { world: World } {
  const world = createWorld();
  const tracks = new Map<string, Track>();
  for (const [object, views] of options.wanted) {
    const track = createTrack(world, object, { views, ...options });
    tracks.set(object, track);
    follow(track, { ver: 0, txn: 0, beganAt: -Infinity, provenAt: Infinity, dirty: new Set() }, options.texts);
  }
  const effects: Effect[] = [];
  for (const txn of transactions(log)) {
    const dirty = new Set(txn.rows.filter(({ what }) => what === "cache_dirty").map(({ row }) => String(row["key"])));
    const changed = world.take(txn.rows, (effect, at) => effects.push({ effect, at, txn: txn.id }));
    for (const object of changed) {
      const track = tracks.get(object);
      if (track === undefined) continue;
      const state = { ver: world.version(object), txn: txn.id, beganAt: txn.at, provenAt: Infinity, dirty };
      follow(track, state, options.texts);
    }
  }
  const objects = new Map([...tracks].map(([name, track]) => [name, historyOf(name, track)]));
  return { objects, effects, world };
}

/** What a view of an object showed after a transaction; for reports, as it goes through the account again. */
export function textAt(
  log: readonly LogRow[],
  at: { object: string; view: string; txn: number; hiding: ReadonlySet<string> },
): string {
  const world = createWorld();
  const project = projector(world, at.object, at);
  if (at.txn === 0) return project();
  for (const { id, rows } of transactions(log)) {
    world.take(rows, () => undefined);
    if (id === at.txn) break;
  }
  return project();
}

/** In an order that is the order of commits for every single object. */
function transactions(log: readonly LogRow[]): Txn[] {
  const known = new Map<number, Txn>();
  for (const row of log) {
    const txn = known.get(row.txn);
    if (txn === undefined) known.set(row.txn, { id: row.txn, at: row.at, lastId: row.id, rows: [row] });
    else {
      txn.rows.push(row);
      txn.lastId = row.id;
    }
  }
  return [...known.values()].sort((a, b) => a.lastId - b.lastId);
}

function createTrack(
  world: World,
  object: string,
  { views, hiding }: { views: ReadonlySet<string>; hiding: ReadonlySet<string> },
): Track {
  const track = (view: string): View => ({
    project: projector(world, object, { view, hiding }),
    text: undefined,
    spans: undefined,
    shown: new Map(),
  });
  return {
    lags: object.startsWith("unread:") || object.startsWith("member:"),
    states: [],
    views: new Map([...views].filter((view) => view !== "").map((view) => [view, track(view)])),
  };
}

/** Adds a state and what it shows; what changes neither version nor any view is none. */
function follow({ states, views, lags }: Track, state: State, texts: InternedTexts): void {
  const shown = [...views.values()].map((view) => ({ view, text: view.project() }));
  const isSame = states.at(-1)?.ver === state.ver || (lags && states.length > 0);
  if (isSame && shown.every(({ view, text }) => view.text === text)) return;
  const index = states.push(state) - 1;
  for (const { view, text } of shown) {
    if (text !== view.text) {
      view.text = text;
      const number = texts.find(text);
      view.spans = number === undefined ? undefined : (view.shown.get(number) ?? []);
      if (number !== undefined && view.spans !== undefined) view.shown.set(number, view.spans);
      view.spans?.push([index, index]);
    } else {
      const span = view.spans?.at(-1);
      if (span !== undefined) span[1] = index;
    }
  }
}

function historyOf(name: string, { states, views }: Track): ObjectHistory {
  return { name, states, shown: new Map([...views].map(([view, { shown }]) => [view, shown])) };
}

/** `history/<viewer>/<limit>`, `unread`, `membership`, `blocked`, `head`, `settled/<viewer>`, `list`, `called`, `name`. */
function projector(
  world: World,
  object: string,
  { view, hiding }: { view: string; hiding: ReadonlySet<string> },
): () => string {
  const [kind, viewer = 0, limit = 0] = view.split("/").map((part, index) => (index === 0 ? part : Number(part)));
  const context = { ...world, hides: (name: string) => hiding.has(name) };
  const [id = 0, other = 0] = object.split(":").slice(1).map(Number);
  const of = (project: (conversation: Conversation) => string, none: string) => (): string => {
    const conversation = world.conversation(object);
    return conversation === undefined ? none : project(conversation);
  };
  switch (String(kind)) {
    case "history":
      return of((conversation) => projectHistory(conversation, Number(viewer), Number(limit)), "");
    case "unread":
      return of((conversation) => projectUnread(conversation, id), "0");
    case "head":
      return of((conversation) => projectHead(conversation, context), "");
    case "settled":
      return of((conversation) => projectHead(conversation, context, Number(viewer)), "");
    case "list":
      return () => projectList(world.conversationsOf(id), id, context);
    case "membership":
      return of((conversation) => projectMembership(conversation, other), noMember);
    case "blocked":
      return () => String(world.isBlocked(id, other));
    case "called":
      return () => world.groupName(id);
    case "name":
      return () => world.fullName(id);
    default:
      throw new Error(`no such view: ${view}`);
  }
}
