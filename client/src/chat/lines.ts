import type { Message } from "@om/protocol";
import type { Line, Model, Talk } from "./model.ts";

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
export function putLine(talk: Talk, line: Line): boolean {
  const known = talk.lines.findIndex(
    (one) => one.id === line.id || (line.mine && one.mine && one.clientId === line.clientId),
  );
  if (known >= 0) talk.lines[known] = line;
  else talk.lines.push(line);
  talk.lines.sort(inOrder);
  return known < 0;
}

/** The server has taken a line: it gets its id and its place. */
export function placeLine(talk: Talk, clientId: string, at: { id: number; seq: number }): void {
  const line = talk.lines.find((one) => one.clientId === clientId);
  if (line !== undefined) Object.assign(line, at);
  talk.lines.sort(inOrder);
}

/** A line that changed, if it is here. */
export function changeLine(talk: Talk, line: Line): void {
  if (talk.lines.some(({ id }) => id === line.id)) putLine(talk, line);
  requote(talk, line.id, line.text);
}

export function dropLine(talk: Talk, id: number): void {
  talk.lines = talk.lines.filter((line) => line.id !== id);
  requote(talk, id, undefined);
}

/** Drops every line up to this place. */
export function clearLines(talk: Talk, seq: number): void {
  talk.lines = talk.lines.filter((line) => line.id === 0 || line.seq > seq);
  talk.unread = 0;
}

function requote(talk: Talk, id: number, text: string | undefined): void {
  for (const line of talk.lines) {
    if (line.quote?.id === id) line.quote = text === undefined ? undefined : { ...line.quote, text };
  }
}

/** By id; what has none yet comes last, in the order it was typed. */
function inOrder(a: Line, b: Line): number {
  return (a.id || Number.MAX_SAFE_INTEGER) - (b.id || Number.MAX_SAFE_INTEGER);
}
