import { typists, type Line, type Model, type ConversationModel } from "./model.ts";
import { blue, cyan, dim, green, red } from "./style.ts";
import { fit, safeText, width, wrap } from "./text.ts";

export interface Size {
  columns: number;
  rows: number;
}

/** The open conversation, its newest lines at the bottom, and who is typing under them. */
export function drawConversation(model: Model, conversation: ConversationModel, size: Size): string[] {
  const rows = size.rows - 1;
  const all = conversation.lines.flatMap((line, index) => {
    const isNewName =
      "groupId" in conversation.target && !line.mine && conversation.lines[index - 1]?.name !== line.name;
    const name = isNewName ? [cyan(fit(safeText(line.name), size.columns))] : [];
    return [...name, ...drawLine(conversation, line, size.columns)];
  });
  const end = Math.max(Math.min(rows, all.length), all.length - model.scroll);
  const shown = all.slice(Math.max(0, end - rows), end);
  const blank = Array.from({ length: rows - shown.length }, () => " ".repeat(size.columns));
  const names = typists(model, conversation);
  const sign =
    names.length > 2 ? "several are typing…" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…`;
  const state = names.length > 0 ? green(fit(safeText(sign), size.columns)) : " ".repeat(size.columns);
  return [...blank, ...shown, state];
}

/** Own lines stand on the right with their ticks, those of others on the left; above them what they reply to. */
function drawLine(conversation: ConversationModel, line: Line, columns: number): string[] {
  const room = Math.max(8, Math.floor(columns * 0.75));
  const parts = wrap(`${safeText(line.text)}${line.isEdited === true ? " (edited)" : ""}`, room);
  const quote = line.quote === undefined ? [] : [quoteText(line.quote, room)];
  const tail = line.mine ? 9 : 6;
  const widest = Math.max(...[...quote, ...parts].map(width));
  const indent = line.mine ? Math.max(0, columns - tail - widest) : 0;
  const place = (part: string): string => `${" ".repeat(indent)}${fit(part, columns - tail - indent)}`;
  const time = dim(` ${new Date(line.at * 1000).toTimeString().slice(0, 5)}`);
  const end = line.mine ? `${time} ${ticks(conversation, line)}` : time;
  return [
    ...quote.map((text) => dim(place(text)) + " ".repeat(tail)),
    ...parts.map((part, index) => place(part) + (index === parts.length - 1 ? end : " ".repeat(tail))),
  ];
}

function quoteText(quote: { name: string; text: string }, room: number): string {
  const text = `▏${safeText(quote.name)}: ${safeText(quote.text)}`;
  return width(text) > room ? fit(text, room) : text;
}

/** … on its way, ✓ sent, ✓✓ received, blue ✓✓ read. Two columns. */
function ticks(conversation: ConversationModel, line: Line): string {
  if (line.refused === true) return red("✗ ");
  if (line.id === 0) return dim("… ");
  if (line.id <= conversation.read) return blue("✓✓");
  return line.id <= conversation.delivered ? dim("✓✓") : dim("✓ ");
}
