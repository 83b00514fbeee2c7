import type {
  AckFrame,
  ConversationDeleteFrame,
  DeliveryUpdateFrame,
  ErrorFrame,
  Face,
  GroupReadUpdateFrame,
  Message,
  OutboundFrame,
  ReadUpdateFrame,
} from "@om/protocol";
import type { Cleared } from "./cleared.ts";
import type { ConnectionEvents, PositionEvent } from "./connection-events.ts";
import type { Events } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import type { Receipts } from "./receipts.ts";
import type { Change, Progress } from "./sequencer.ts";
import type { Target } from "./target.ts";
import type { Tracker } from "./tracker.ts";

/** What a frame, or a message that was read, sets in motion. */
export interface FrameDeps {
  selfId: number;
  tracker: Tracker;
  outbox: Outbox;
  receipts: Receipts;
  cleared: Cleared;
  position(event: PositionEvent): void;
  face(face: Face): void;
  events: Events<ConnectionEvents>;
  /** An own message may not be storable at all. */
  doubt(clientId: string, to: Target): void;
  /** Something happened that only the server's heads show in full. `many`: to many users at once. */
  reread(many: boolean): void;
  /** Something changed that the state has to hold; also tidies up. */
  changed(): void;
}

/** Takes in one frame of the server. Unknown types are for newer clients. */
export function applyFrame(deps: FrameDeps, frame: OutboundFrame): void {
  switch (frame.type) {
    case "ack":
      return applyAck(deps, frame);
    case "message":
      deps.tracker.change(frame.conversation_id, { ...versionOf(frame), message: frame.message });
      return deps.changed();
    case "message_edit":
    case "reaction_update":
      deps.tracker.change(frame.conversation_id, { ...versionOf(frame), message: frame.message, isRevision: true });
      return deps.changed();
    case "message_delete":
      deps.tracker.change(frame.conversation_id, { ...versionOf(frame), deletedId: frame.message.id });
      return deps.changed();
    case "conversation_delete":
      return applyConversationDelete(deps, frame);
    case "group_update":
      deps.tracker.change(frame.conversation_id, versionOf(frame));
      deps.events.emit("group", { conversationId: frame.conversation_id });
      deps.reread(true);
      return deps.changed();
    case "read_update":
    case "delivery_update":
      deps.tracker.change(frame.conversation_id, versionOf(frame));
      deps.position(positionOf(frame));
      return deps.changed();
    case "group_read_update":
      return deps.position(positionOf(frame));
    case "batch":
      for (const one of frame.messages) applyFrame(deps, one);
      return;
    case "typing":
      return deps.events.emit("typing", {
        conversationId: frame.conversation_id ?? `user_${frame.sender_id}`,
        userId: frame.sender_id,
        isTyping: frame.is_typing,
      });
    case "user_status":
      return deps.events.emit("presence", { userId: frame.user_id, isOnline: frame.is_online });
    case "user_update":
      return deps.face(frame.user);
    case "block_update":
      // The whole list says what is newest.
      return deps.reread(false);
    case "settings_update":
      return deps.events.emit("settings", { conversationId: frame.conversation_id, settings: frame.settings });
    case "pong":
      return deps.receipts.ponged();
    case "error":
      return applyError(deps, frame);
    case "sync_response":
      return;
  }
}

/** A message in its turn: of others, or of the own user on another device, or sent from here with its ack lost. */
export function applyMessage(deps: FrameDeps, message: Message): void {
  const { conversation_id, ver, seq, status, created_at_unix, client_id, id, sender_id } = message;
  if (sender_id === deps.selfId && deps.outbox.has(client_id)) {
    const ack = { conversation_id, ver, seq, status, created_at_unix, client_id, server_id: id };
    if (deps.outbox.acked(ack)) deps.events.emit("acked", ack);
    deps.outbox.placed(client_id);
    if (message.version > 1) deps.events.emit("updated", message);
    return;
  }
  if (deps.cleared.covers(conversation_id, seq)) return;
  if (sender_id !== deps.selfId) deps.receipts.delivered(conversation_id, id);
  deps.events.emit("message", message);
}

function applyAck(deps: FrameDeps, { payload }: AckFrame): void {
  // The answer to a repeat has the version of the message's last change, which is to be emitted as what it is.
  if (deps.outbox.acked(payload)) {
    deps.events.emit("acked", payload);
    deps.tracker.change(payload.conversation_id, versionOf(payload));
  }
  deps.outbox.pump();
  deps.changed();
}

/**
 * Of a direct conversation all is said. Of a group it may also mean that the user is no longer in it, and a deletion for this user
 * alone has no version of its own, so what the sequencer drops as old may be new: the heads show it.
 */
function applyConversationDelete(deps: FrameDeps, frame: ConversationDeleteFrame): void {
  const { conversation_id: conversationId, seq } = frame;
  deps.tracker.change(conversationId, versionOf(frame));
  if (conversationId.startsWith("user_")) deps.cleared.apply({ conversationId, seq });
  deps.reread(false);
  deps.changed();
}

function positionOf(frame: ReadUpdateFrame | DeliveryUpdateFrame | GroupReadUpdateFrame): PositionEvent {
  const { user_id: userId } = frame;
  if (frame.type === "group_read_update")
    return { conversationId: `group_${frame.group_id}`, userId, kind: "read", messageId: frame.last_read_message_id };
  const { conversation_id: conversationId } = frame;
  return frame.type === "read_update"
    ? { conversationId, userId, kind: "read", messageId: frame.last_read_message_id }
    : { conversationId, userId, kind: "delivered", messageId: frame.last_delivered_message_id };
}

function applyError(deps: FrameDeps, frame: ErrorFrame): void {
  const clientId = frame.client_id ?? "";
  const refused = deps.outbox.refused(clientId, frame.code, frame.error);
  if (refused === undefined || refused.ended) deps.events.emit("refused", frame);
  if (refused?.ended === true) {
    deps.outbox.pump();
    deps.changed();
  } else if (frame.code === "save_failed" && refused !== undefined && refused.refusals > 1)
    deps.doubt(clientId, refused.to);
}

function versionOf({ ver, seq }: Progress): Change {
  return { ver, seq };
}
