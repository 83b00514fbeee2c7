import { limits, type InboundPayload, type SyncResponseFrame } from "@om/protocol";
import type { AdvancePosition } from "../conversations/mark-read.ts";
import type { Caller } from "../platform/caller.ts";
import type { FrameSource } from "../platform/frame-handlers.ts";
import { FrameRefusal, OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { MessageDeps } from "./deps.ts";
import type { StoredRow } from "./message-store.ts";
import { syncMessages } from "./sync-messages.ts";

/**
 * The `chat` frame: stores a message and answers with the JSON of its `ack`. A message that cannot be stored now is `save_failed`; the
 * client sends it again with the same client_id. Clients that came before resuming send again whatever is not acknowledged, so in a group
 * that they have left they are told so, and their message is acknowledged though nobody will see it.
 */
export async function handleChat(
  { send, store }: Pick<MessageDeps, "send" | "store">,
  source: Pick<FrameSource, "caller" | "id" | "resuming" | "reply">,
  payload: InboundPayload<"chat">,
): Promise<string> {
  const { caller, id: socketId } = source;
  const clientId = payload.client_id ?? "";
  if (clientId === "") throw new FrameRefusal("missing_client_id");
  const named = { clientId: clientId.slice(0, 200) };
  const hasRecipient = typeof payload.recipient_id === "number";
  const hasGroup = typeof payload.group_id === "number";
  if (!hasRecipient && !hasGroup) throw new FrameRefusal("missing_recipient", named);
  if (hasRecipient && hasGroup) throw new FrameRefusal("invalid_target", named);
  const to = hasGroup ? { groupId: payload.group_id ?? 0 } : { recipientId: payload.recipient_id ?? 0 };
  try {
    const { row } = await send(caller, { clientId, to, body: payload, socketId });
    const conversation_id = row.group_id === null ? `user_${row.recipient_id}` : `group_${row.group_id}`;
    return ackJson(row, { clientId, conversation_id });
  } catch (error) {
    if (error instanceof OmError && error.code === "not_group_member") {
      const id = source.resuming ? undefined : await store.idAfterLeaving(caller.userId, payload.group_id ?? 0);
      if (id === undefined) throw new FrameRefusal("not_group_member", named);
      const conversation_id = `group_${payload.group_id}`;
      source.reply({ type: "conversation_delete", conversation_id, ver: 0, seq: 0 });
      const at = new Date().toISOString();
      return ackJson({ id, status: "sent", created_at: at, ver: 0, seq: 0 }, { clientId, conversation_id });
    }
    if (error instanceof OmError && error.code === "message_too_long")
      throw new FrameRefusal("message_too_long", { ...named, details: error.message });
    const expected = error instanceof OmError || error instanceof DatabaseUnavailable;
    throw new FrameRefusal("save_failed", { ...named, cause: expected ? undefined : error });
  }
}

/**
 * The JSON of an `AckFrame`. It stands twice in it what became of the message: where mobile reads it and where the web client does (O-3). One is made
 * for every message, so it is a template.
 */
function ackJson(
  row: Pick<StoredRow, "id" | "status" | "created_at" | "ver" | "seq">,
  { clientId, conversation_id }: { clientId: string; conversation_id: string },
): string {
  const at = Math.floor(Date.parse(row.created_at) / 1000);
  const answer =
    `"client_id":${JSON.stringify(clientId)},"server_id":${row.id},"status":"${row.status}","created_at_unix":${at},` +
    `"conversation_id":"${conversation_id}","ver":${row.ver},"seq":${row.seq}`;
  return `{"type":"ack","payload":{${answer}},${answer}}`;
}

/** `ack`: a device has received, or its user has read, a message. Messages that are not the caller's to receive change nothing. */
export async function handleAck(
  advance: AdvancePosition,
  caller: Caller,
  payload: InboundPayload<"ack">,
): Promise<void> {
  const messageId = payload.server_id ?? 0;
  if (messageId === 0) throw new FrameRefusal("missing_server_id");
  if (payload.status !== "delivered" && payload.status !== "read") {
    throw new FrameRefusal("invalid_status", { details: (payload.status ?? "").slice(0, 40) });
  }
  await handleReceipt(advance, caller, { messageId, read: payload.status === "read" });
}

/** `delivery` and `read`: the same, one type each; message 0 is nobody's. */
export async function handleReceipt(
  advance: AdvancePosition,
  caller: Caller,
  { messageId, read }: { messageId: number; read: boolean },
): Promise<void> {
  if (messageId > 0) await advance({ userId: caller.userId, to: { messageId }, read });
}

/** The `group_read` frame: as POST /api/groups/:id/read, answered only when it is refused. */
export async function handleGroupRead(
  read: (caller: Caller, asked: { groupId: number; messageId: number }) => Promise<unknown>,
  caller: Caller,
  payload: InboundPayload<"group_read">,
): Promise<void> {
  const groupId = payload.group_id ?? 0;
  if (groupId === 0) throw new FrameRefusal("missing_group_id");
  try {
    await read(caller, { groupId, messageId: payload.last_read_message_id ?? 0 });
  } catch (error) {
    if (error instanceof DatabaseUnavailable) throw new FrameRefusal("mark_group_read_failed");
    if (!(error instanceof OmError)) throw error;
    if (error.code === "not_group_member" || error.code === "invalid_message_id") throw new FrameRefusal(error.code);
    throw new FrameRefusal("mark_group_read_failed");
  }
}

/** The `sync` frame: one answer per conversation that can be understood, oldest message first, up to 100 each. */
export async function* handleSync(
  deps: Pick<MessageDeps, "store" | "views">,
  caller: Caller,
  payload: InboundPayload<"sync">,
): AsyncGenerator<SyncResponseFrame> {
  const conversations = payload.conversations ?? [];
  if (conversations.length > limits.syncConversations) {
    throw new FrameRefusal("invalid_message", { details: "too many conversations" });
  }
  for await (const results of syncMessages(deps, caller, { conversations, limit: 100 })) {
    for (const result of results) if (result !== undefined) yield { type: "sync_response", ...result };
  }
}
