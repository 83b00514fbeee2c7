import type { AckFrame, DeliveryUpdateFrame, ErrorFrame, Message, OutboundFrame, ReadUpdateFrame } from "@om/protocol";
import type { ConnectionEvents, PositionEvent } from "./connection-events.ts";
import type { Events } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import type { Receipts } from "./receipts.ts";
import type { Change, Followed } from "./sequencer.ts";
import type { Tracker } from "./tracker.ts";

/** What a frame, or a message that was read, sets in motion. */
export interface FrameDeps {
  selfId: number;
  tracker: Tracker;
  outbox: Outbox;
  receipts: Receipts;
  position(event: PositionEvent): void;
  events: Events<ConnectionEvents>;
  /** An own message may not be storable at all. */
  doubt(clientId: string, to: number): void;
  /** Something changed that the state has to hold; also tidies up. */
  changed(): void;
}

/** Takes in one frame of the server. Unknown types are for newer clients. */
export function takeFrame(deps: FrameDeps, frame: OutboundFrame): void {
  switch (frame.type) {
    case "ack":
      return takeAck(deps, frame);
    case "message":
    case "message_edit":
      deps.tracker.change(frame.conversation_id, { ...placeOf(frame), message: frame.message });
      return deps.changed();
    case "message_delete":
    case "conversation_delete":
    case "group_update":
      deps.tracker.change(frame.conversation_id, placeOf(frame));
      return deps.changed();
    case "read_update":
    case "delivery_update":
      deps.tracker.change(frame.conversation_id, placeOf(frame));
      takePosition(deps, frame);
      return deps.changed();
    case "batch":
      for (const one of frame.messages) takeFrame(deps, one);
      return;
    case "typing":
      return deps.events.emit("typing", { userId: frame.sender_id, isTyping: frame.is_typing });
    case "pong":
      return deps.receipts.ponged();
    case "error":
      return takeError(deps, frame);
    case "group_read_update":
    case "user_status":
    case "sync_response":
      return;
  }
}

/** A message in its turn: of others, or of the own user on another device, or sent from here with its ack lost. */
export function takeMessage(deps: FrameDeps, message: Message): void {
  if (message.sender_id !== deps.selfId) {
    deps.receipts.delivered(message.conversation_id, message.id);
    return deps.events.emit("message", message);
  }
  const { conversation_id, ver, seq, status, created_at_unix, client_id, id } = message;
  if (!deps.outbox.has(client_id)) return deps.events.emit("message", message);
  const ack = { conversation_id, ver, seq, status, created_at_unix, client_id, server_id: id };
  if (deps.outbox.acked(ack)) deps.events.emit("acked", ack);
  deps.outbox.placed(client_id);
}

function takeAck(deps: FrameDeps, { payload }: AckFrame): void {
  if (deps.outbox.acked(payload)) deps.events.emit("acked", payload);
  deps.tracker.change(payload.conversation_id, placeOf(payload));
  deps.outbox.pump();
  deps.changed();
}

function takePosition(deps: FrameDeps, frame: ReadUpdateFrame | DeliveryUpdateFrame): void {
  const { conversation_id: conversationId, user_id: userId } = frame;
  if (frame.type === "read_update") {
    deps.position({ conversationId, userId, kind: "read", messageId: frame.last_read_message_id });
  } else deps.position({ conversationId, userId, kind: "delivered", messageId: frame.last_delivered_message_id });
}

function takeError(deps: FrameDeps, frame: ErrorFrame): void {
  const clientId = frame.client_id ?? "";
  const refused = deps.outbox.refused(clientId, frame.code, frame.error);
  if (refused === undefined || refused.ended) deps.events.emit("refused", frame);
  if (refused?.ended === true) {
    deps.outbox.pump();
    deps.changed();
  } else if (refused !== undefined && refused.refusals > 1) deps.doubt(clientId, refused.to);
}

function placeOf({ ver, seq }: Followed): Change {
  return { ver, seq };
}
