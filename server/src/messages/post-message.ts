import { randomUUID } from "node:crypto";
import type { Message, RouteBody } from "@om/protocol";
import { withWireTimes, toMessages } from "../conversations/conversation-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageDeps } from "./deps.ts";
import { storedMessage } from "./message-pushes.ts";
import { requireMember } from "./mark-group-read.ts";
import type { Sent } from "./send-message.ts";

type Deps = Pick<MessageDeps, "send" | "store" | "views">;

/**
 * POST /api/messages: sends as a socket would and answers with the stored message. Without a client_id each call is a message of
 * its own, and the answer says `client_id: ""`.
 */
export async function postMessage(deps: Deps, caller: Caller, body: RouteBody<"send">): Promise<Message> {
  if ((body.content ?? "").trim() === "") throw new OmError("missing_content");
  const recipientId = body.recipient_id ?? 0;
  if (recipientId === 0) throw new OmError("missing_recipient");
  const given = (body.client_id ?? "").trim();
  const sent = await deps.send(caller, { clientId: given || randomUUID(), to: { recipientId }, body });
  const message = await sentMessage(deps, caller, sent);
  return given === "" ? { ...message, client_id: "" } : message;
}

/** POST /api/groups/:id/messages: the same to a group, always with a client_id, which must be of this group if it is known. */
export async function postGroupMessage(
  deps: Deps & Pick<MessageDeps, "conversations">,
  caller: Caller,
  { groupId, body }: { groupId: number; body: RouteBody<"groupSend"> },
): Promise<Message> {
  await requireMember(deps.conversations, caller, groupId);
  const clientId = (body.client_id ?? "").trim();
  if (clientId === "") throw new OmError("missing_client_id");
  if ((body.content ?? "").trim() === "") throw new OmError("missing_content");
  const sent = await deps.send(caller, { clientId, to: { groupId }, body });
  if (sent.row.group_id !== groupId) throw new OmError("client_id_conflict");
  return sentMessage(deps, caller, sent);
}

/** What was just stored is known; what was stored before may have become something else since. */
async function sentMessage({ store, views }: Deps, caller: Caller, { row, write }: Sent): Promise<Message> {
  const read = row.outcome === "stored" ? undefined : await store.one(row.id, caller.userId);
  const online = await views.lookup(read?.profiles ?? [row.sender]);
  const [message] = read === undefined ? [] : toMessages(read, caller.userId, views, online);
  if (message !== undefined) return message;
  const self = views.user({ ...withWireTimes(row.sender), email: caller.email }, caller.userId, online);
  return storedMessage(views, { write, row }, self, caller.userId);
}
