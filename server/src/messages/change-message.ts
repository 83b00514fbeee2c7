import type { Message, MessageDeleteFrame, MessageEditFrame, RouteBody } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { conversationName, type MessageCells } from "../conversations/conversation-row.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { wholeNumber } from "../platform/page-limit.ts";
import { audience, pushToAll } from "./life-pushes.ts";
import type { ChangedMessage, LifeStore, Refusal } from "./life-store.ts";
import type { MessageStore } from "./message-store.ts";
import { readContent, type SendRules } from "./send-message.ts";

interface Deps {
  life: LifeStore;
  store: MessageStore;
  views: UserViews;
  bus: Bus;
  rules: SendRules;
  /** Whether a user may now read an attachment that somebody else has uploaded. */
  mayRead: (claim: { key: string; userId: number }) => Promise<boolean>;
}

/**
 * The author gives a message another text. An image or file that no longer names one of ours, or one that its
 * author may not read, is a text from then on.
 * @throws OmError `missing_content`, `message_not_found`, `forbidden`
 */
export async function editMessage(
  deps: Deps,
  caller: Caller,
  { id, body }: { id: string | undefined; body: RouteBody<"editMessage"> },
): Promise<Message> {
  const content = readContent(body.content ?? "", deps.rules);
  if (content === "") throw new OmError("missing_content");
  const messageId = readId(id);
  const isMedia = await mayName(deps, caller.userId, content);
  const changed = done(await deps.life.edit(caller.userId, messageId, { content, isMedia }));
  const row = await deps.store.one(messageId, caller.userId);
  if (row === undefined) throw new OmError("message_not_found");
  // What the author sees of people, such as whom the author has blocked, is not for others.
  const forAll = { ...row, people: row.people.map((profile) => ({ ...profile, email: "", relation: 0 })) };
  const online = await deps.views.lookup(forAll.people);
  const [message] = toMessages(row, caller.userId, deps.views, online);
  if (message === undefined) throw new OmError("message_not_found");
  const forOthers = { ...forAll, messages: forAll.messages.map(withoutHiddenReply) };
  pushToAll(deps.bus, audience(changed, caller.userId), (viewerId) => {
    const shown = viewerId === caller.userId ? forAll : forOthers;
    const [seen = message] = toMessages(shown, viewerId, deps.views, online);
    const frame: MessageEditFrame = {
      type: "message_edit",
      message: seen,
      conversation_id: seen.conversation_id,
      ver: changed.ver,
      seq: changed.seq,
    };
    return frame;
  });
  return message;
}

async function mayName({ rules, mayRead }: Deps, userId: number, url: string): Promise<boolean> {
  if (!rules.isMedia(url)) return false;
  const key = rules.borrowed(url, userId);
  return key === undefined || mayRead({ key, userId });
}

/** Its author, or an admin of the group, deletes a message for everybody. @throws OmError `message_not_found`, `forbidden` */
export async function deleteMessage(deps: Deps, caller: Caller, id: string | undefined): Promise<{ ok: boolean }> {
  const messageId = readId(id);
  const changed = done(await deps.life.remove(caller.userId, messageId));
  const { sender_id: senderId, group_id: groupId } = changed;
  const recipientId = groupId !== null ? null : senderId === changed.lo ? changed.hi : changed.lo;
  pushToAll(deps.bus, audience(changed, caller.userId), (viewerId) => {
    const name = conversationName(changed, viewerId);
    const frame: MessageDeleteFrame = {
      type: "message_delete",
      message: {
        id: messageId,
        sender_id: senderId,
        recipient_id: recipientId,
        group_id: groupId,
        conversation_id: name,
      },
      conversation_id: name,
      ver: changed.ver,
      seq: changed.seq,
    };
    return frame;
  });
  return { ok: true };
}

/** A hidden message is seen by its sender only, also where it is replied to. */
function withoutHiddenReply(cells: MessageCells): MessageCells {
  const reply = cells[11];
  if (reply?.[9] !== true) return cells;
  const copy: MessageCells = [...cells];
  copy[11] = null;
  return copy;
}

function readId(text: string | undefined): number {
  const id = wholeNumber(text);
  if (id === undefined || id === 0) throw new OmError("message_not_found");
  return id;
}

function done(row: ({ outcome: "done" } & ChangedMessage) | Refusal): ChangedMessage {
  if (row.outcome === "done") return row;
  throw new OmError(row.outcome === "unknown" ? "message_not_found" : "forbidden");
}
