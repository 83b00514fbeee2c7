import { typists, type Line, type Model, type ConversationModel } from "./model.ts";
import { blue, cyan, dim, green, red, type Row, type Span } from "./style.ts";
import { fit, width, wrap } from "./text.ts";

export interface Size {
  columns: number;
  rows: number;
}

/** The part of a conversation that is in sight. */
export interface View {
  rows: Row[];
  /** How far it is scrolled up, which is never beyond its first row. */
  scroll: number;
  /** Its first row is in sight. */
  atTop: boolean;
}

/** The open conversation, its newest lines at the bottom, and who is typing under them. */
export function drawConversation(model: Model, conversation: ConversationModel, size: Size): Row[] {
  const { rows } = viewOf(conversation, { ...size, rows: size.rows - 1 }, model.scroll);
  const blank = Array.from({ length: size.rows - 1 - rows.length }, () => [" ".repeat(size.columns)]);
  const names = typists(model, conversation);
  const sign =
    names.length > 2 ? "several are typing…" : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…`;
  return [...blank, ...rows, [green(fit(names.length > 0 ? sign : "", size.columns))]];
}

/** Only lines in sight and below are drawn, however long the conversation is. */
export function viewOf(conversation: ConversationModel, size: Size, scroll: number): View {
  const { lines } = conversation;
  const wanted = scroll + size.rows;
  const drawn: Row[][] = [];
  let count = 0;
  let first = lines.length;
  while (first > 0 && count < wanted) {
    first -= 1;
    const block = drawBlock(conversation, first, size.columns);
    drawn.push(block);
    count += block.length;
  }
  const all = drawn.toReversed().flat();
  const end = Math.max(Math.min(size.rows, count), count - scroll);
  return {
    rows: all.slice(Math.max(0, end - size.rows), end),
    scroll: count - end,
    atTop: first === 0 && end <= size.rows,
  };
}

/** A line with what stands above it: the day where it begins, and in a group who writes. */
function drawBlock(conversation: ConversationModel, index: number, columns: number): Row[] {
  const { lines, target } = conversation;
  const line = lines[index];
  const before = lines[index - 1];
  if (line === undefined) return [];
  const day = dayOf(line);
  const isNewDay = before === undefined || dayOf(before) !== day;
  const isNewName = "groupId" in target && !line.mine && (isNewDay || before.name !== line.name);
  return [
    ...(isNewDay ? [[dim(fit(`${" ".repeat(Math.max(0, (columns - day.length) >> 1))}${day}`, columns))]] : []),
    ...(isNewName ? [[cyan(fit(line.name, columns))]] : []),
    ...drawLine(conversation, line, columns),
  ];
}

const days = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "long", year: "numeric" });

function dayOf({ at }: Line): string {
  return days.format(at * 1000).replace(",", "");
}

/** Own lines stand on the right with their ticks, those of others on the left; above them what they reply to. */
function drawLine(conversation: ConversationModel, line: Line, columns: number): Row[] {
  const room = Math.max(8, Math.floor(columns * 0.75));
  const parts = wrap(`${line.text}${line.isEdited === true ? " (edited)" : ""}`, room);
  const quote = line.quote === undefined ? [] : [quoteText(line.quote, room)];
  const tail = line.mine ? 9 : 6;
  const widest = Math.max(...[...quote, ...parts].map(width));
  const indent = line.mine ? Math.max(0, columns - tail - widest) : 0;
  const place = (part: string): string => `${" ".repeat(indent)}${fit(part, columns - tail - indent)}`;
  const time = dim(` ${new Date(line.at * 1000).toTimeString().slice(0, 5)}`);
  const end: Span[] = line.mine ? [time, " ", ticks(conversation, line)] : [time];
  return [
    ...quote.map((text) => [dim(place(text)), " ".repeat(tail)]),
    ...parts.map((part, index) => [place(part), ...(index === parts.length - 1 ? end : [" ".repeat(tail)])]),
  ];
}

function quoteText(quote: { name: string; text: string }, room: number): string {
  const text = `▏${quote.name}: ${quote.text}`;
  return width(text) > room ? fit(text, room) : text;
}

/** … on its way, ✓ sent, ✓✓ received, blue ✓✓ read. Two columns. */
function ticks(conversation: ConversationModel, line: Line): Span {
  if (line.refused === true) return red("✗ ");
  if (line.id === 0) return dim("… ");
  if (line.id <= conversation.read) return blue("✓✓");
  return line.id <= conversation.delivered ? dim("✓✓") : dim("✓ ");
}
