import type { InboundPayload } from "@om/protocol";
import type { MovePosition } from "../conversations/mark-read.ts";
import type { Caller } from "../platform/caller.ts";
import { FrameRefusal } from "../platform/om-error.ts";

/** `ack`: a device has received, or its user has read, a message. Messages that are not the caller's to receive change nothing. */
export async function ackFrameIn(move: MovePosition, caller: Caller, payload: InboundPayload<"ack">): Promise<void> {
  const messageId = payload.server_id ?? 0;
  if (messageId === 0) throw new FrameRefusal("missing_server_id");
  if (payload.status !== "delivered" && payload.status !== "read") {
    throw new FrameRefusal("invalid_status", { details: (payload.status ?? "").slice(0, 40) });
  }
  await receipt(move, caller, { messageId, read: payload.status === "read" });
}

/** `delivery` and `read`: the same, one type each; message 0 is nobody's. */
export async function receipt(
  move: MovePosition,
  caller: Caller,
  { messageId, read }: { messageId: number; read: boolean },
): Promise<void> {
  if (messageId > 0) await move({ userId: caller.userId, to: { messageId }, read });
}
