import { limits, type MessageType, type RouteBody } from "@om/protocol";
import { directRef } from "../conversations/conversation-ref.ts";
import { laneKey, type Lanes } from "../conversations/write-lanes.ts";
import type { Caller } from "../platform/caller.ts";
import { cleanText, hasMoreCharacters } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import type { NewMessage, StoredRow } from "./message-store.ts";
import type { SendWrite, Write, WriteResult } from "./write.ts";

/** A message as a client sends it. */
export interface Draft {
  clientId: string;
  to: NewMessage["to"];
  body: Pick<RouteBody<"groupSend">, "content" | "message_type" | "reply_to_id" | "mentions" | "forward_of_id">;
  /** The socket it came by. */
  socketId?: string;
}

/** The message as the database has it; `duplicate` when this client_id was sent before. */
export interface Sent {
  row: StoredRow;
  write: SendWrite;
}

export interface SendRules {
  /** In characters. */
  maxMessageLength: number;
  /** Whether a URL is one that this server gave out: image and file messages may name no other. */
  isMedia: (url: string) => boolean;
  /** Such a URL as it is stored. */
  storedMedia: (url: string) => string;
  /** The key of an attachment, if such a URL names one that somebody else has uploaded. */
  foreignAttachment: (url: string, userId: number) => string | undefined;
}

/**
 * Stores a message and answers when it is committed. Idempotent for ever by (sender, clientId).
 * @throws OmError `invalid_request_body` for a client_id that cannot be stored, `message_too_long`, `user_not_found`, `not_group_member`,
 *   `unavailable` when overloaded
 */
export async function sendMessage(
  deps: { lanes: Lanes<Write, WriteResult>; rules: SendRules; firstAuthor: FirstAuthor },
  caller: Caller,
  draft: Draft,
): Promise<Sent> {
  if (!isStorable(draft.clientId)) throw new OmError("invalid_request_body");
  const content = normalizeContent(draft.body.content, deps.rules);
  const messageType = allowedType(draft.body.message_type ?? "", content, deps.rules.isMedia);
  const key = messageType === "text" ? undefined : deps.rules.foreignAttachment(content, caller.userId);
  const write: SendWrite = {
    kind: "send",
    foreignAttachment: key === undefined ? undefined : { key, url: content },
    message: {
      senderId: caller.userId,
      to: draft.to,
      clientId: draft.clientId,
      messageType,
      content: messageType === "text" ? content : deps.rules.storedMedia(content),
      replyToId: draft.body.reply_to_id || undefined,
      extras: await extrasOf(deps.firstAuthor, caller, draft),
    },
    socketId: draft.socketId,
  };
  const { to } = draft;
  const lane = laneKey("groupId" in to ? to : directRef(caller.userId, to.recipientId));
  const row = await deps.lanes.run(lane, write);
  if (row === undefined || !("outcome" in row)) {
    throw new OmError("groupId" in to ? "not_group_member" : "user_not_found");
  }
  return { row, write };
}

/** Who wrote a message first that this user sees; undefined: the user does not see it. */
export type FirstAuthor = (userId: number, messageId: number) => Promise<number | undefined>;

/** What the message has beside its text; in a direct conversation nobody needs to be mentioned. */
async function extrasOf(firstAuthor: FirstAuthor, { userId }: Caller, { to, body }: Draft) {
  const ids = "groupId" in to ? [...new Set((body.mentions ?? []).filter((id) => id > 0))] : [];
  const author = body.forward_of_id ? await firstAuthor(userId, body.forward_of_id) : undefined;
  if (ids.length === 0 && author === undefined) return undefined;
  return {
    ...(ids.length === 0 ? {} : { mentions: ids.slice(0, limits.mentions) }),
    ...(author === undefined ? {} : { forwarded_from: author }),
  };
}

/** The text trimmed. @throws OmError `message_too_long`: nothing is ever cut */
export function normalizeContent(text: string | null | undefined, rules: Pick<SendRules, "maxMessageLength">): string {
  const content = cleanText(text ?? "").trim();
  if (hasMoreCharacters(content, rules.maxMessageLength))
    throw new OmError("message_too_long", `Message is longer than ${rules.maxMessageLength} characters`);
  return content;
}

function isStorable(clientId: string): boolean {
  return clientId !== "" && clientId.length <= limits.clientIdChars && clientId === cleanText(clientId);
}

/** Clients fetch the URL of an image with their access token, so it must be one of ours; anything else is only text (D-1). */
function allowedType(wanted: string, content: string, isMedia: SendRules["isMedia"]): MessageType {
  const type = wanted.trim().toLowerCase();
  return (type === "image" || type === "file") && isMedia(content) ? type : "text";
}
