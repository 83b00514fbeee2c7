import { openTalk, sortedTalks, type Line, type Model, type Talk } from "./model.ts";
import { fit, safeText, width, wrap } from "./text.ts";

const style = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const bold = style(1);
const dim = style(2);
const inverse = style(7);
const green = style(32);
const red = style(31);
const blue = style(94);

export interface Size {
  columns: number;
  rows: number;
}

/** The whole screen as lines, each as wide as the terminal: conversations on the left, the open one on the right, input below. */
export function drawScreen(model: Model, size: Size): string[] {
  const left = Math.max(12, Math.min(26, Math.floor(size.columns * 0.3)));
  const right = Math.max(10, size.columns - left - 3);
  const height = Math.max(1, size.rows - 3);
  const talks = drawTalks(model, left, height);
  const talk = openTalk(model);
  const lines =
    talk === undefined ? drawWelcome(right, height) : drawTalk(model, talk, { columns: right, rows: height });
  const body = Array.from({ length: height }, (_, i) => `${talks[i] ?? ""} ${dim("│")} ${lines[i] ?? ""}`);
  return [drawHeader(model, size.columns), ...body, dim("─".repeat(size.columns)), drawInput(model, size.columns)];
}

/** Where the cursor stands in the input line: column counted from 1. */
export function cursorColumn(model: Model, size: Size): number {
  return Math.min(size.columns, 3 + width(visibleInput(model, size.columns)));
}

function drawHeader(model: Model, columns: number): string {
  const state = { connecting: "connecting…", live: "online", offline: "offline, trying again", ended: "ended" };
  const right = ` ${model.self.name} · ${state[model.status]} `;
  return inverse(fit(` OM Messenger  ${model.notice}`, columns - width(right)) + right);
}

function drawTalks(model: Model, columns: number, rows: number): string[] {
  const talks = sortedTalks(model);
  const open = talks.findIndex(({ peerId }) => peerId === model.openId);
  const first = Math.max(0, Math.min(open - rows + 1, talks.length - rows));
  const shown = talks.slice(first, first + rows).map((talk) => {
    const count = talk.unread > 0 ? ` ${talk.unread > 99 ? "99+" : talk.unread} ` : "";
    const dot = talk.online ? green("●") : dim("○");
    const name = fit(` ${safeText(talk.name)}`, columns - 1 - width(count));
    const styled = talk.peerId === model.openId ? inverse(name) : talk.unread > 0 ? bold(name) : name;
    return dot + styled + (count === "" ? "" : inverse(count));
  });
  const hint = talks.length === 0 ? [fit("nobody here yet", columns)] : [];
  return [...shown, ...hint, ...Array.from({ length: rows }, () => " ".repeat(columns))].slice(0, rows);
}

function drawWelcome(columns: number, rows: number): string[] {
  const text = [
    "",
    "/open NAME   write to somebody",
    "/find TEXT   look people up",
    "↑ ↓          choose a conversation",
  ];
  return Array.from({ length: rows }, (_, i) => dim(fit(text[i] ?? "", columns)));
}

function drawTalk(model: Model, talk: Talk, size: Size): string[] {
  const typing = talk.typingUntil > model.now();
  const rows = size.rows - 1;
  const all = talk.lines.flatMap((line) => drawLine(talk, line, size.columns));
  const end = Math.max(Math.min(rows, all.length), all.length - model.scroll);
  const shown = all.slice(Math.max(0, end - rows), end);
  const blank = Array.from({ length: rows - shown.length }, () => " ".repeat(size.columns));
  const state = typing ? green(fit(`${safeText(talk.name)} is typing…`, size.columns)) : " ".repeat(size.columns);
  return [...blank, ...shown, state];
}

/** Own lines stand on the right with their ticks, the other's on the left. */
function drawLine(talk: Talk, line: Line, columns: number): string[] {
  const time = new Date(line.at * 1000).toTimeString().slice(0, 5);
  const room = Math.max(8, Math.floor(columns * 0.75));
  const parts = wrap(safeText(line.text), room);
  return parts.map((part, index) => {
    const last = index === parts.length - 1;
    if (!line.mine) return fit(part, columns - 6) + (last ? dim(` ${time}`) : " ".repeat(6));
    const blank = " ".repeat(Math.max(0, columns - 9 - width(part)));
    return `${blank}${part}${last ? `${dim(` ${time}`)} ${ticks(talk, line)}` : " ".repeat(9)}`;
  });
}

/** … on its way, ✓ sent, ✓✓ received, blue ✓✓ read. Two columns. */
export function ticks(talk: Talk, line: Line): string {
  if (line.refused === true) return red("✗ ");
  if (line.id === 0) return dim("… ");
  if (line.id <= talk.read) return blue("✓✓");
  return line.id <= talk.delivered ? dim("✓✓") : dim("✓ ");
}

function visibleInput(model: Model, columns: number): string {
  let text = model.input;
  while (width(text) > columns - 4) text = text.slice(1);
  return text;
}

function drawInput(model: Model, columns: number): string {
  return fit(`> ${visibleInput(model, columns)}`, columns);
}
