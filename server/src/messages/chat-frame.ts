import type { AckFrame, InboundPayload } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { FrameRefusal, OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { Draft, Sent } from "./send-message.ts";

/**
 * The `chat` frame: stores a message and answers with the `ack`. A message that cannot be stored now is `save_failed`; the
 * client sends it again with the same client_id.
 */
export async function chatFrame(
  send: (caller: Caller, draft: Draft) => Promise<Sent>,
  from: { caller: Caller; socketId: string },
  payload: InboundPayload<"chat">,
): Promise<AckFrame> {
  const clientId = payload.client_id ?? "";
  if (clientId === "") throw new FrameRefusal("missing_client_id");
  const named = { clientId: clientId.slice(0, 200) };
  const hasRecipient = typeof payload.recipient_id === "number";
  const hasGroup = typeof payload.group_id === "number";
  if (!hasRecipient && !hasGroup) throw new FrameRefusal("missing_recipient", named);
  if (hasRecipient && hasGroup) throw new FrameRefusal("invalid_target", named);
  const draft = {
    clientId,
    to: targetOf(payload),
    content: payload.content ?? "",
    messageType: payload.message_type ?? "",
    replyToId: payload.reply_to_id ?? undefined,
    socketId: from.socketId,
  };
  try {
    return ackFrame(await send(from.caller, draft), clientId);
  } catch (error) {
    if (error instanceof OmError && error.code === "not_group_member")
      throw new FrameRefusal("not_group_member", named);
    const expected = error instanceof OmError || error instanceof DatabaseUnavailable;
    throw new FrameRefusal("save_failed", { ...named, cause: expected ? undefined : error });
  }
}

function targetOf(payload: InboundPayload<"chat">): Draft["to"] {
  return typeof payload.group_id === "number"
    ? { groupId: payload.group_id }
    : { recipientId: payload.recipient_id ?? 0 };
}

/** The answer stands twice: where mobile reads it and where the web client does (O-3). */
function ackFrame({ row }: Sent, clientId: string): AckFrame {
  const payload = {
    client_id: clientId,
    server_id: row.id,
    status: row.status,
    created_at_unix: Math.floor(Date.parse(row.created_at) / 1000),
    conversation_id: row.group_id === null ? `user_${row.recipient_id}` : `group_${row.group_id}`,
    ver: row.ver,
    seq: row.seq,
  };
  return { type: "ack", payload, ...payload };
}
