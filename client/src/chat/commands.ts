import type { Message } from "@om/protocol";
import { OmApiError } from "../api-error.ts";
import { forgetTalk } from "./follow.ts";
import { changeLine, dropLine, lineOf } from "./lines.ts";
import { openTalk, talkOfGroup, talkWithUser, type Line, type Talk } from "./model.ts";
import type { ChatDeps, TalkActions } from "./conversation-actions.ts";
import { safeText } from "./text.ts";

/** A wish that cannot be met, in words for the user. */
export class Unable extends Error {}

interface Command {
  /** What to type after the name, if anything. */
  takes?: string;
  does: string;
  run(rest: string): Promise<void> | void;
}

export type Commands = Record<string, Command>;

/** Everything that begins with a slash. */
export function createCommands(deps: ChatDeps, talks: TalkActions): Commands {
  return {
    "/open": { takes: "NAME", does: "write to somebody", run: (name) => openWith(deps, talks, name) },
    "/find": { takes: "TEXT", does: "look people up", run: (text) => find(deps, text) },
    ...groupCommands(deps, talks),
    ...messageCommands(deps, talks),
    "/block": { does: "see nothing of this person any more", run: () => setBlocked(deps, true) },
    "/unblock": { does: "the other way round", run: () => setBlocked(deps, false) },
    "/quit": { does: "leave the chat", run: () => deps.quit() },
  };
}

function groupCommands(deps: ChatDeps, talks: TalkActions): Commands {
  const { api, model } = deps;
  const enter = (group: { id: number; name: string }): Promise<void> => talks.open(talkOfGroup(model, group));
  return {
    "/group": {
      takes: "NAME",
      does: "make a group; NAME @HANDLE makes it public",
      run: async (text) => enter(await api.createGroup({ body: faceOf(text) })),
    },
    "/join": {
      takes: "HANDLE",
      does: "join a group, or by an invite",
      run: async (text) => enter(await join(deps, text)),
    },
    "/invite": {
      does: "an invite to this group",
      async run() {
        const { token } = await api.createInvite({ params: { id: groupOf(here(deps)) }, body: {} });
        model.notice = `invite: /join ${token}`;
      },
    },
    "/leave": {
      does: "leave this group",
      async run() {
        const talk = here(deps);
        await api.leaveGroup({ params: { id: groupOf(talk) } });
        forgetTalk(model, talk.id);
      },
    },
  };
}

function messageCommands(deps: ChatDeps, talks: TalkActions): Commands {
  const { api, model } = deps;
  const newest = (mine: boolean): { talk: Talk; line: Line } => {
    const talk = here(deps);
    const line = talk.lines.findLast((one) => one.id > 0 && one.mine === mine);
    if (line === undefined)
      throw new Unable(mine ? "you have written nothing here yet" : "nobody has written here yet");
    return { talk, line };
  };
  return {
    "/reply": {
      takes: "TEXT",
      does: "answer the last message of others",
      run(text) {
        const { talk, line } = newest(false);
        talks.send(talk, text, line);
      },
    },
    "/edit": {
      takes: "TEXT",
      does: "change your last message",
      async run(content) {
        const { talk, line } = newest(true);
        const message: Message = await api.editMessage({ params: { id: line.id }, body: { content } });
        changeLine(talk, lineOf(model, message));
      },
    },
    "/delete": {
      does: "delete your last message",
      async run() {
        const { talk, line } = newest(true);
        await api.deleteMessage({ params: { id: line.id } });
        dropLine(talk, line.id);
      },
    },
  };
}

export async function openWith({ api, model }: ChatDeps, talks: TalkActions, name: string): Promise<void> {
  const { user } = await api.user({ params: { identifier: name } });
  await talks.open(talkWithUser(model, user));
}

async function find({ api, model }: ChatDeps, text: string): Promise<void> {
  const { users } = await api.searchUsers({ query: { q: text, limit: 20 } });
  for (const user of users) if (user.id !== model.self.id) talkWithUser(model, user);
  const names = users.map(({ username }) => safeText(username)).join(", ");
  model.notice = users.length === 0 ? "nobody found" : `found: ${names}`;
}

/** A group is public if it has a handle. */
function faceOf(text: string): { name: string; is_public?: boolean; handle?: string } {
  const [, name, handle] = /^(.+?)\s+@(\S+)$/.exec(text) ?? [];
  return name === undefined || handle === undefined ? { name: text } : { name, is_public: true, handle };
}

/** An invite's token, or a link that ends with it, is as long as a handle may be: whichever there is. */
async function join({ api }: ChatDeps, text: string): Promise<{ id: number; name: string }> {
  const name = text.split("/").at(-1) ?? "";
  try {
    return await api.joinByHandle({ params: { handle: name } });
  } catch (error) {
    if (!(error instanceof OmApiError) || error.status !== 400 || name.length !== 24) throw error;
    return await api.joinByInvite({ params: { token: name } });
  }
}

async function setBlocked(deps: ChatDeps, isBlocked: boolean): Promise<void> {
  const talk = here(deps);
  if (!("userId" in talk.target)) throw new Unable("open the person first: /open NAME");
  const input = { params: { id: talk.target.userId } };
  await (isBlocked ? deps.api.block(input) : deps.api.unblock(input));
  talk.isBlocked = isBlocked;
  deps.model.notice = `${safeText(talk.name)} is ${isBlocked ? "" : "no longer "}blocked`;
}

function here({ model }: ChatDeps): Talk {
  const talk = openTalk(model);
  if (talk === undefined) throw new Unable("open somebody first: /open NAME");
  return talk;
}

function groupOf(talk: Talk): number {
  if (!("groupId" in talk.target)) throw new Unable("this is not a group");
  return talk.target.groupId;
}
