import { OmApiError } from "../api-error.ts";
import type { Api } from "../api.ts";
import type { OmConnection } from "../connection.ts";
import { openTalk, placeLine, sortedTalks, takeHistory, talkWith, type Line, type Model, type Talk } from "./model.ts";
import { safeText } from "./text.ts";

/** What a user can do, as the screen and the line mode both offer it. */
export interface Actions {
  /** A line that was entered: a command, or a message to the open talk. */
  enter(text: string): Promise<void>;
  /** Opens the talk that many places further down the list. */
  move(by: number): Promise<void>;
  /** Reads older lines of the open talk. */
  older(): Promise<void>;
  openWith(name: string): Promise<void>;
  /** Tells the server that what is on screen has been read. */
  seen(talk: Talk): void;
}

interface Deps {
  api: Api;
  connection: OmConnection;
  model: Model;
  changed: () => void;
  quit: () => void;
}

const help = "/open NAME · /find TEXT · ↑↓ choose · PgUp PgDn scroll · /quit";

export function createActions(deps: Deps): Actions {
  const { api, model, changed } = deps;
  const talks = createTalkActions(deps);

  async function openWith(name: string): Promise<void> {
    const { user } = await api.call("user", { params: { identifier: name } });
    await talks.open(talkWith(model, user));
  }

  async function find(text: string): Promise<void> {
    const { users } = await api.call("searchUsers", { query: { q: text, limit: 20 } });
    for (const user of users) if (user.id !== model.self.id) talkWith(model, user);
    const names = users.map(({ username }) => safeText(username)).join(", ");
    model.notice = users.length === 0 ? "nobody found" : `found: ${names}`;
  }

  async function command(name: string, rest: string): Promise<void> {
    if (name === "/quit" || name === "/q") deps.quit();
    else if (name === "/open" && rest !== "") await openWith(rest);
    else if (name === "/find" && rest !== "") await find(rest);
    else model.notice = help;
  }

  async function enter(text: string): Promise<void> {
    if (text.trim() === "") return;
    const [name = "", ...rest] = text.trim().split(/\s+/);
    const talk = openTalk(model);
    if (name.startsWith("/")) await command(name, rest.join(" "));
    else if (talk === undefined) model.notice = "open somebody first: /open NAME";
    else talks.send(talk, text);
  }

  async function move(by: number): Promise<void> {
    const sorted = sortedTalks(model);
    const at = sorted.findIndex(({ peerId }) => peerId === model.openId);
    const next = sorted[Math.max(0, Math.min(sorted.length - 1, at < 0 ? 0 : at + by))];
    if (next !== undefined) await talks.open(next);
  }

  async function older(): Promise<void> {
    const talk = openTalk(model);
    if (talk !== undefined && !talk.complete) await talks.load(talk);
  }

  /** What went wrong is shown, and the chat goes on. */
  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      model.notice = error instanceof OmApiError ? error.message : "the server did not answer";
    }
    changed();
  }

  return {
    seen: talks.seen,
    openWith: (name) => guarded(() => openWith(name)),
    older: () => guarded(older),
    move: (by) => guarded(() => move(by)),
    enter: (text) => guarded(() => enter(text)),
  };
}

function createTalkActions({ api, connection, model, changed }: Deps) {
  function send(talk: Talk, text: string): void {
    const { clientId, acked } = connection.send({ to: talk.peerId, content: text });
    const line: Line = { id: 0, clientId, mine: true, text, at: Math.floor(model.now() / 1000) };
    talk.lines.push(line);
    talk.lastAt = line.at;
    model.scroll = 0;
    acked
      .then(
        (ack) => placeLine(talk, clientId, ack.server_id),
        (error: Error) => {
          line.refused = true;
          model.notice = error.message;
        },
      )
      .finally(changed);
  }

  async function load(talk: Talk): Promise<void> {
    const oldest = talk.lines.find(({ id }) => id > 0)?.id;
    const cursor = talk.loaded ? oldest : undefined;
    const page = await api.call("history", { query: { recipient_id: talk.peerId, limit: 50, cursor } });
    takeHistory(talk, model.self.id, page.messages, page.messages.length < 50);
  }

  function seen(talk: Talk): void {
    const newest = talk.lines.findLast(({ mine }) => !mine);
    if (newest !== undefined && talk.unread > 0) connection.markRead(newest.id);
    talk.unread = 0;
  }

  async function open(talk: Talk): Promise<void> {
    model.openId = talk.peerId;
    model.scroll = 0;
    if (!talk.loaded) await load(talk);
    seen(talk);
  }

  return { send, load, seen, open };
}
