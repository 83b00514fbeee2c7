import type { Message } from "@om/protocol";
import type { Line, Model, ConversationModel } from "./model.ts";

/** A message as a line; its people's names are kept in mind. */
export function lineOf(model: Model, message: Message): Line {
  const { id, seq, client_id: clientId, sender_id: senderId, content, created_at_unix: at, reply_to: reply } = message;
  model.names.set(senderId, message.sender.username);
  const line: Line = {
    id,
    seq,
    clientId,
    mine: senderId === model.self.id,
    name: message.sender.username,
    text: content,
    at,
  };
  if (message.version > 1) line.isEdited = true;
  if (reply !== undefined) line.quote = { id: reply.id, name: reply.sender.username, text: reply.content };
  return line;
}

/** Adds a line in its place, or puts it in place of what it was before. @returns whether it is new */
export function putLine(conversation: ConversationModel, line: Line): boolean {
  const known = conversation.lines.findIndex(
    (one) => one.id === line.id || (line.mine && one.mine && one.clientId === line.clientId),
  );
  if (known >= 0) conversation.lines[known] = line;
  else conversation.lines.push(line);
  conversation.lines.sort(byOrder);
  return known < 0;
}

/** Lines of a conversation that are kept while nobody looks further back. */
const maxLines = 2_000;

/** What is dropped can be read again. */
export function forgetOldest(conversation: ConversationModel): void {
  if (conversation.lines.length <= maxLines) return;
  conversation.lines.splice(0, conversation.lines.length - maxLines);
  conversation.complete = false;
}

/** The server has taken a line: it gets its id and its place. */
export function acknowledgeLine(
  conversation: ConversationModel,
  clientId: string,
  at: { id: number; seq: number },
): void {
  const line = conversation.lines.find((one) => one.clientId === clientId);
  if (line !== undefined) Object.assign(line, at);
  conversation.lines.sort(byOrder);
}

/** A line that changed, if it is here. */
export function changeLine(conversation: ConversationModel, line: Line): void {
  if (conversation.lines.some(({ id }) => id === line.id)) putLine(conversation, line);
  requote(conversation, line.id, line.text);
}

export function dropLine(conversation: ConversationModel, id: number): void {
  conversation.lines = conversation.lines.filter((line) => line.id !== id);
  requote(conversation, id, undefined);
}

/** Drops every line up to this place. */
export function clearLines(conversation: ConversationModel, seq: number): void {
  conversation.lines = conversation.lines.filter((line) => line.id === 0 || line.seq > seq);
  conversation.unread = 0;
}

function requote(conversation: ConversationModel, id: number, text: string | undefined): void {
  for (const line of conversation.lines) {
    if (line.quote?.id === id) line.quote = text === undefined ? undefined : { ...line.quote, text };
  }
}

/** By id; what has none yet comes last, in the order it was typed. */
function byOrder(a: Line, b: Line): number {
  return (a.id || Number.MAX_SAFE_INTEGER) - (b.id || Number.MAX_SAFE_INTEGER);
}
