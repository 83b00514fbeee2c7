import type { Message } from "@om/protocol";
import { OmApiError } from "../api-error.ts";
import { checkLength } from "../outgoing.ts";
import { forgetConversation } from "./follow.ts";
import { changeLine, dropLine, lineOf } from "./lines.ts";
import {
  selectedConversation,
  conversationOfGroup,
  conversationWithUser,
  notify,
  type Line,
  type ConversationModel,
} from "./model.ts";
import type { ChatDeps, ConversationActions } from "./conversation-actions.ts";
import { findLines } from "./find-lines.ts";

/** A command that cannot be carried out, in words for the user. */
export class CommandError extends Error {}

interface Command {
  /** What to type after the name, if anything. */
  takes?: string;
  does: string;
  /** @returns a list to show, if any */
  run(rest: string): Promise<readonly string[] | void> | void;
}

export type Commands = Record<string, Command>;

/** Everything that begins with a slash. */
export function createCommands(deps: ChatDeps, conversations: ConversationActions): Commands {
  return {
    "/open": { takes: "NAME", does: "write to somebody", run: (name) => openWith(deps, conversations, name) },
    "/find": { takes: "TEXT", does: "look people and public groups up", run: (text) => find(deps, text) },
    "/search": {
      takes: "TEXT",
      does: "messages of this conversation with a text",
      run: (text) => findLines(here(deps), text, conversations.load),
    },
    ...groupCommands(deps, conversations),
    ...messageCommands(deps, conversations),
    "/block": { does: "see nothing of this person any more", run: () => setBlocked(deps, true) },
    "/unblock": { does: "the other way round", run: () => setBlocked(deps, false) },
    "/quit": { does: "leave the chat", run: () => deps.quit() },
  };
}

function groupCommands(deps: ChatDeps, conversations: ConversationActions): Commands {
  const { api, model } = deps;
  const openGroup = (group: { id: number; name: string }): Promise<void> =>
    conversations.open(conversationOfGroup(model, group));
  return {
    "/group": {
      takes: "NAME",
      does: "make a group; NAME @HANDLE makes it public",
      run: async (text) => openGroup(await api.createGroup({ body: parseGroupDetails(text) })),
    },
    "/join": {
      takes: "HANDLE",
      does: "join a group, or by an invite",
      run: async (text) => openGroup(await join(deps, text)),
    },
    "/invite": {
      does: "an invite to this group",
      async run() {
        const { token } = await api.createInvite({ params: { id: groupOf(here(deps)) }, body: {} });
        notify(model, `invite: /join ${token}`);
      },
    },
    "/members": {
      does: "who is in this group",
      async run() {
        const members = await api.groupMembers({ params: { id: groupOf(here(deps)) } });
        return members.map(({ username, is_online: isOnline }) => `${isOnline ? "●" : "○"} ${username}`);
      },
    },
    "/kick": {
      takes: "NAME",
      does: "remove a member of this group",
      async run(name) {
        const id = groupOf(here(deps));
        const { user } = await api.user({ params: { identifier: name } });
        await api.removeMember({ params: { id, user_id: user.id } });
        notify(model, `${user.username} is no longer in ${here(deps).name}`);
      },
    },
    "/leave": {
      does: "leave this group",
      async run() {
        const conversation = here(deps);
        await api.leaveGroup({ params: { id: groupOf(conversation) } });
        forgetConversation(model, conversation.id);
      },
    },
  };
}

function messageCommands(deps: ChatDeps, conversations: ConversationActions): Commands {
  const { api, model } = deps;
  const newest = (mine: boolean): { conversation: ConversationModel; line: Line } => {
    const conversation = here(deps);
    const line = conversation.lines.findLast((one) => one.id > 0 && one.mine === mine);
    if (line === undefined)
      throw new CommandError(mine ? "you have written nothing here yet" : "nobody has written here yet");
    return { conversation, line };
  };
  return {
    "/reply": {
      takes: "TEXT",
      does: "answer the last message of others",
      run(text) {
        const { conversation, line } = newest(false);
        conversations.send(conversation, text, line);
      },
    },
    "/edit": {
      takes: "TEXT",
      does: "change your last message",
      async run(content) {
        const { conversation, line } = newest(true);
        checkLength(content);
        const message: Message = await api.editMessage({ params: { id: line.id }, body: { content } });
        changeLine(conversation, lineOf(model, message));
      },
    },
    "/delete": {
      does: "delete your last message",
      async run() {
        const { conversation, line } = newest(true);
        await api.deleteMessage({ params: { id: line.id } });
        dropLine(conversation, line.id);
      },
    },
  };
}

export async function openWith(
  { api, model }: ChatDeps,
  conversations: ConversationActions,
  name: string,
): Promise<void> {
  const { user } = await api.user({ params: { identifier: name } });
  await conversations.open(conversationWithUser(model, user));
}

async function find({ api }: ChatDeps, text: string): Promise<string[]> {
  const query = { q: text, limit: 20 };
  const [{ users }, { groups }] = await Promise.all([api.searchUsers({ query }), api.searchGroups({ query })]);
  const rows = [
    ...users.map(({ username }) => `/open ${username}`),
    ...groups.map(({ handle, name }) => `/join ${handle ?? ""}  ${name}`),
  ];
  if (rows.length === 0) throw new CommandError("nobody found");
  return rows;
}

/** A group is public if it has a handle. */
function parseGroupDetails(text: string): { name: string; is_public?: boolean; handle?: string } {
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
  const conversation = here(deps);
  if (!("userId" in conversation.target)) throw new CommandError("open the person first: /open NAME");
  const input = { params: { id: conversation.target.userId } };
  await (isBlocked ? deps.api.block(input) : deps.api.unblock(input));
  conversation.isBlocked = isBlocked;
  notify(deps.model, `${conversation.name} is ${isBlocked ? "" : "no longer "}blocked`);
}

function here({ model }: ChatDeps): ConversationModel {
  const conversation = selectedConversation(model);
  if (conversation === undefined) throw new CommandError("open somebody first: /open NAME");
  return conversation;
}

function groupOf(conversation: ConversationModel): number {
  if (!("groupId" in conversation.target)) throw new CommandError("this is not a group");
  return conversation.target.groupId;
}
