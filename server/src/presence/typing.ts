import type { InboundPayload, TypingFrame } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";

/** Tells the recipient's connected devices that the caller types, or stopped; nothing is kept for others. */
export function typing(deps: { bus: Bus; now: Clock }, caller: Caller, payload: InboundPayload<"typing">): void {
  const recipient = payload.recipient_id ?? 0;
  if (recipient === 0) return;
  const frame: TypingFrame = {
    type: "typing",
    sender_id: caller.userId,
    is_typing: payload.is_typing ?? false,
    timestamp: Math.floor(deps.now() / 1000),
  };
  deps.bus.publish([{ userIds: [recipient], frame: frameOf(JSON.stringify(frame)), to: "all" }]);
}
