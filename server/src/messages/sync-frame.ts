import { limits, type InboundPayload, type SyncResponseFrame } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { FrameRefusal } from "../platform/om-error.ts";
import { syncMessages } from "./sync-messages.ts";

/** The `sync` frame: one answer per conversation that can be understood, oldest message first, up to 100 each. */
export async function* syncFrame(
  deps: Parameters<typeof syncMessages>[0],
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
