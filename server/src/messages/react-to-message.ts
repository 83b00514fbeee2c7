import { limits, type Message, type RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { parseId } from "../platform/page-limit.ts";
import { tellChanged } from "./change-message.ts";
import type { MessageDeps } from "./deps.ts";
import type { ReactionStore } from "./reaction-store.ts";
import { requireDone } from "./revision-store.ts";

/** One emoji as it is shown in colours, whatever it is made of. */
const emojiPattern = new RegExp(String.raw`^\p{RGI_Emoji}$`, "v");
const inColours = "\ufe0f";

/**
 * The caller reacts to a message with one emoji, in place of the one before; nothing takes it back. Answers with the message.
 * @throws OmError `invalid_emoji`, `message_not_found`, `forbidden`, `too_many_reactions`
 */
export async function reactToMessage(
  deps: Pick<MessageDeps, "store" | "views" | "bus" | "blockedAmong"> & { reactions: ReactionStore },
  caller: Caller,
  { id, body }: { id: string; body: RouteBody<"react"> },
): Promise<Message> {
  const emoji = parseEmoji(body.emoji ?? "");
  const messageId = parseId(id, "message_not_found");
  const bounds = { kinds: limits.reactionKinds, people: limits.reactionPeople };
  const row = await deps.reactions.set({ userId: caller.userId, messageId, emoji }, bounds);
  if (row.outcome === "full") throw new OmError("too_many_reactions");
  const changed = row.outcome === "same" ? undefined : requireDone(row, "message_not_found");
  return tellChanged(deps, caller, {
    messageId,
    changed,
    to: "resuming",
    frame: (message, { ver, seq }) => ({
      type: "reaction_update",
      user_id: caller.userId,
      emoji,
      message,
      conversation_id: message.conversation_id,
      ver,
      seq,
    }),
  });
}

/** null: none. A sign that has no colours by itself gets them. */
function parseEmoji(text: string): string | null {
  if (text === "") return null;
  const emoji = [text, text + inColours].find((one) => emojiPattern.test(one));
  if (emoji === undefined) throw new OmError("invalid_emoji");
  return emoji;
}
