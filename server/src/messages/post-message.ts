import { randomUUID } from "node:crypto";
import type { Message, RouteBody } from "@om/protocol";
import { toMessages } from "../conversations/conversation-view.ts";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageStore } from "./message-store.ts";
import type { Draft, Sent } from "./send-message.ts";

/**
 * POST /api/messages: sends as a socket would and answers with the stored message. Without a client_id each call is a message of
 * its own, and the answer says `client_id: ""`.
 */
export async function postMessage(
  deps: { send: (caller: Caller, draft: Draft) => Promise<Sent>; store: MessageStore; views: UserViews },
  caller: Caller,
  body: RouteBody<"send">,
): Promise<Message> {
  if ((body.content ?? "").trim() === "") throw new OmError("missing_content");
  const recipientId = body.recipient_id ?? 0;
  if (recipientId === 0) throw new OmError("missing_recipient");
  const given = (body.client_id ?? "").trim();
  const { row } = await deps.send(caller, {
    clientId: given === "" ? randomUUID() : given,
    recipientId,
    content: body.content ?? "",
    messageType: body.message_type ?? "",
  });
  const pair = {
    lo: Math.min(caller.userId, row.recipient_id),
    hi: Math.max(caller.userId, row.recipient_id),
  };
  const read = await deps.store.history(pair, caller.userId, { before: row.id + 1, limit: 1 });
  const [message] = read === undefined ? [] : toMessages(read, caller.userId, deps.views);
  if (message?.id !== row.id) throw new OmError("send_message_failed");
  return given === "" ? { ...message, client_id: "" } : message;
}
