import type { Message, MessageDeleteFrame, OutboundFrame, RouteBody } from "@om/protocol";
import { withoutHiddenReply } from "../conversations/conversation-row.ts";
import { messageWithReply, toMessages } from "../conversations/conversation-view.ts";
import { wireIdOf } from "../conversations/conversation-ref.ts";
import { pushesTo } from "../delivery/push.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { parseId } from "../platform/page-limit.ts";
import type { MessageDeps } from "./deps.ts";
import { requireDone, type RevisedMessage } from "./revision-store.ts";
import { audience, deleteFrame, editFrame } from "./message-frames.ts";
import { writer } from "./message-pushes.ts";
import { normalizeContent } from "./send-message.ts";

/**
 * The author gives a message another text. An image or file that no longer names one of ours, or one that its
 * author may not read, is a text from then on.
 * @throws OmError `missing_content`, `message_too_long`, `message_not_found`, `forbidden`
 */
export async function editMessage(
  deps: Pick<MessageDeps, "revisions" | "store" | "views" | "bus" | "rules" | "canRead" | "blockedAmong">,
  caller: Caller,
  { id, body }: { id: string | undefined; body: RouteBody<"editMessage"> },
): Promise<Message> {
  const content = normalizeContent(body.content, deps.rules);
  if (content === "") throw new OmError("missing_content");
  const messageId = parseId(id, "message_not_found");
  const media = (await mayReference(deps, caller.userId, content)) ? deps.rules.storedMedia(content) : null;
  const changed = requireDone<RevisedMessage>(
    await deps.revisions.change({ userId: caller.userId, messageId, content, media }),
    "message_not_found",
  );
  return tellChanged(deps, caller, { messageId, changed, frame: editFrame });
}

interface Told {
  messageId: number;
  /** Undefined: it was so before, and nobody is told. */
  changed: RevisedMessage | undefined;
  frame: (message: Message, at: RevisedMessage) => OutboundFrame;
  /** Only devices that follow by cursor are told. */
  to?: "resuming";
}

/** Tells everybody in the conversation of a message that the caller has changed, and answers with it. @throws OmError `message_not_found` */
export async function tellChanged(
  deps: Pick<MessageDeps, "store" | "views" | "bus" | "blockedAmong">,
  caller: Caller,
  { messageId, changed, frame, ...push }: Told,
): Promise<Message> {
  const row = await deps.store.one(messageId, caller.userId);
  if (row === undefined) throw new OmError("message_not_found");
  const online = await deps.views.lookup(row.profiles);
  const [message] = toMessages(row, caller.userId, deps.views, online);
  const [tuple] = row.messages;
  if (message === undefined || tuple === undefined) throw new OmError("message_not_found");
  if (changed === undefined) return message;
  const to = audience(changed, caller.userId);
  const apart = await deps.blockedAmong(caller.userId, to.others);
  // What the caller sees of people, such as whom the caller has blocked, is not for others.
  const absent = new Map(row.profiles.map((profile) => [profile.id, deps.views.anybody(profile)]));
  const actor = row.profiles.find(({ id }) => id === caller.userId);
  const frameFor = (viewerId: number): OutboundFrame => {
    const users = new Map(absent);
    if (actor !== undefined && !apart.includes(viewerId))
      users.set(actor.id, writer(deps.views, actor, { isOnline: online(actor.id) === true, isShared: to.shared }));
    const shown = { users, wireId: wireIdOf(row, viewerId), mediaUrl: deps.views.mediaUrl };
    return frame(messageWithReply(row, withoutHiddenReply(tuple, viewerId), shown), changed);
  };
  deps.bus.publish(pushesTo({ ...to, apart }, frameFor, { ordered: true, ...push }));
  return message;
}

async function mayReference(
  { rules, canRead }: Pick<MessageDeps, "rules" | "canRead">,
  userId: number,
  url: string,
): Promise<boolean> {
  if (!rules.isMedia(url)) return false;
  const key = rules.foreignAttachment(url, userId);
  return key === undefined || canRead({ key, userId });
}

/** Its author, or an admin of the group, deletes a message for everybody. @throws OmError `message_not_found`, `forbidden` */
export async function deleteMessage(
  deps: Pick<MessageDeps, "revisions" | "bus">,
  caller: Caller,
  id: string | undefined,
): Promise<{ ok: boolean }> {
  const messageId = parseId(id, "message_not_found");
  const changed = requireDone<RevisedMessage>(
    await deps.revisions.change({ userId: caller.userId, messageId, content: null, media: null }),
    "message_not_found",
  );
  const frameFor = (viewerId: number): MessageDeleteFrame =>
    deleteFrame(changed, { ...changed, id: messageId }, viewerId);
  deps.bus.publish(pushesTo(audience(changed, caller.userId), frameFor, { ordered: true }));
  return { ok: true };
}
