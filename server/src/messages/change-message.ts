import type { Message, MessageDeleteFrame, MessageEditFrame, RouteBody } from "@om/protocol";
import { withoutHiddenReply } from "../conversations/conversation-row.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import { pushesTo } from "../delivery/push.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { parseId } from "../platform/page-limit.ts";
import type { MessageDeps } from "./deps.ts";
import { requireDone, type RevisedMessage } from "./revision-store.ts";
import { audience, deleteFrame, editFrame } from "./message-frames.ts";
import { normalizeContent } from "./send-message.ts";

/**
 * The author gives a message another text. An image or file that no longer names one of ours, or one that its
 * author may not read, is a text from then on.
 * @throws OmError `missing_content`, `message_too_long`, `message_not_found`, `forbidden`
 */
export async function editMessage(
  deps: Pick<MessageDeps, "revisions" | "store" | "views" | "bus" | "rules" | "canRead">,
  caller: Caller,
  { id, body }: { id: string | undefined; body: RouteBody<"editMessage"> },
): Promise<Message> {
  const content = normalizeContent(body.content, deps.rules);
  if (content === "") throw new OmError("missing_content");
  const messageId = parseId(id, "message_not_found");
  const isMedia = await mayReference(deps, caller.userId, content);
  const changed = requireDone<RevisedMessage>(
    await deps.revisions.change({ userId: caller.userId, messageId, content, isMedia }),
    "message_not_found",
  );
  const row = await deps.store.one(messageId, caller.userId);
  if (row === undefined) throw new OmError("message_not_found");
  // What the author sees of people, such as whom the author has blocked, is not for others.
  const forAll = { ...row, profiles: row.profiles.map((profile) => ({ ...profile, email: "", relation: 0 })) };
  const online = await deps.views.lookup(forAll.profiles);
  const [message] = toMessages(row, caller.userId, deps.views, online);
  if (message === undefined) throw new OmError("message_not_found");
  const frameFor = (viewerId: number): MessageEditFrame => {
    const messages = forAll.messages.map((tuple) => withoutHiddenReply(tuple, viewerId));
    const [seen = message] = toMessages({ ...forAll, messages }, viewerId, deps.views, online);
    return editFrame(seen, changed);
  };
  deps.bus.publish(pushesTo(audience(changed, caller.userId), frameFor, { ordered: true }));
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
    await deps.revisions.change({ userId: caller.userId, messageId, content: null, isMedia: false }),
    "message_not_found",
  );
  const frameFor = (viewerId: number): MessageDeleteFrame =>
    deleteFrame(changed, { ...changed, id: messageId }, viewerId);
  deps.bus.publish(pushesTo(audience(changed, caller.userId), frameFor, { ordered: true }));
  return { ok: true };
}
