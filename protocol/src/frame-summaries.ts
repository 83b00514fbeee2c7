import type { InboundType, OutboundFrame } from "./frames.ts";

/** What a client says with each frame. */
export const inboundSummaries: Record<InboundType, string> = {
  ping: "Asks for a `pong`.",
  pong: "Is not answered; like every frame it shows that the client is there.",
  chat: "Sends a message, to a person or to a group; answered by `ack` when it is stored. May be repeated with its `client_id`.",
  ack: "A message has been received or read: `status` is `delivered` or `read`.",
  delivery: "A message has been received.",
  read: "A message and all before it have been read.",
  typing: "I type, or have stopped, to a person or in a group.",
  group_read: "I have read a group up to a message.",
  sync: "Asks for what came after the given messages; one `sync_response` for each conversation.",
};

/** When the server sends each frame. */
export const outboundSummaries: Record<OutboundFrame["type"], string> = {
  ack: "A `chat` is stored. Its fields stand in `payload` and again at the top.",
  message: "Somebody wrote to you.",
  typing: "Somebody types, or has stopped.",
  read_update: "`user_id` has read the conversation up to a message.",
  delivery_update: "A device of `user_id` has received the conversation up to a message.",
  group_read_update:
    "`user_id` has read the group up to a message; not a change of the conversation, so it has no version.",
  message_edit: "A message was edited.",
  reaction_update: "`user_id` has reacted to a message with another emoji, or took it back (`emoji` null).",
  message_delete: "A message was deleted for everybody.",
  conversation_delete: "What the conversation held up to `seq` was deleted for you, or you are no longer in the group.",
  group_update: "Name, icon or members of a group have changed.",
  user_status: "Somebody with whom you have a direct conversation came or went.",
  user_update: "Somebody whom you know, or you, has another name, picture or role.",
  block_update: "You have blocked somebody, or ended the block, perhaps on another device.",
  settings_update: "You keep a conversation otherwise than before: pinned, archived or muted.",
  sync_response: "The answer to one conversation of a `sync`, oldest first.",
  batch: "Messages that waited, for a client that takes gzip; others get them one by one.",
  pong: "The answer to `ping`.",
  error: "A frame was refused; the socket stays open. `client_id` names the `chat`.",
};
