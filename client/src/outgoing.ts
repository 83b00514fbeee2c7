import { limits, type MessageType } from "@om/protocol";
import type { OutboxEntry } from "./outbox.ts";
import { targetFields, targetOf, type Target } from "./target.ts";

/** A message as an application gives it. */
export interface Draft {
  /** A user's id, or whom it is for. */
  to: number | Target;
  content: string;
  messageType?: MessageType;
  /** The message that this one replies to, of the same conversation. */
  replyTo?: number;
  /** In a group, ids of users. */
  mentions?: readonly number[];
  /** The message that this one passes on. */
  forwardOf?: number;
  /** The sender's name for it; default: a new one. What is handed over again under the same name is sent once. */
  clientId?: string;
}

/** @throws RangeError when the server would refuse the text as too long: it counts characters (code points), without blanks around it */
export function checkLength(content: string, maxChars: number = limits.messageChars): void {
  const text = content.trim();
  if (text.length > maxChars && Array.from(text).length > maxChars)
    throw new RangeError(`the message is longer than ${maxChars.toLocaleString("en")} characters`);
}

/** @throws RangeError when the message is too long */
export function entryOf(draft: Draft, maxChars?: number): OutboxEntry {
  const { to, content, messageType = "text", replyTo, mentions, forwardOf, clientId = crypto.randomUUID() } = draft;
  checkLength(content, maxChars);
  const entry: OutboxEntry = {
    clientId,
    to: targetOf(to),
    content,
    messageType,
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(mentions === undefined ? {} : { mentions }),
    ...(forwardOf === undefined ? {} : { forwardOf }),
  };
  if (new TextEncoder().encode(JSON.stringify(chatFrame(entry))).length > limits.frameBytes)
    throw new RangeError("the message is too long");
  return entry;
}

export function chatFrame({ clientId, to, content, messageType, replyTo, mentions, forwardOf }: OutboxEntry) {
  return {
    type: "chat",
    payload: {
      client_id: clientId,
      ...targetFields(to),
      content,
      message_type: messageType,
      ...(replyTo === undefined ? {} : { reply_to_id: replyTo }),
      ...(mentions === undefined ? {} : { mentions }),
      ...(forwardOf === undefined ? {} : { forward_of_id: forwardOf }),
    },
  };
}
