import { drawConversation, viewOf, type Size, type View } from "./draw-conversation.ts";
import { selectedConversation, sortedConversations, type Model, type ConversationModel } from "./model.ts";
import { bold, dim, green, inverse, red, type Row, type Span } from "./style.ts";
import { fit, width } from "./text.ts";

/** What can be typed and what it does, in pairs. */
type Help = readonly (readonly [usage: string, does: string])[];

/** The whole screen as rows, each as wide as the terminal: conversations on the left, the open one on the right, input below. */
export function drawScreen(model: Model, size: Size, help: Help = []): Row[] {
  const { left, right, height } = areas(size);
  const conversations = drawConversations(model, left, height);
  const conversation = selectedConversation(model);
  const shown =
    conversation === undefined || model.sheet !== undefined
      ? drawSheet(model.sheet ?? helpSheet(help), { columns: right, rows: height }, model.scroll)
      : drawConversation(model, conversation, { columns: right, rows: height });
  const body = Array.from({ length: height }, (_, i) => [
    ...(conversations[i] ?? []),
    " ",
    dim("│"),
    " ",
    ...(shown[i] ?? []),
  ]);
  return [drawHeader(model, size.columns), ...body, [dim("─".repeat(size.columns))], drawInput(model, size.columns)];
}

/** What is in sight of a conversation when it is scrolled up that far. */
export function scrolledView(conversation: ConversationModel, size: Size, scroll: number): View {
  const { right, height } = areas(size);
  return viewOf(conversation, { columns: right, rows: height - 1 }, scroll);
}

/** Where the cursor stands in the input line: column counted from 1. */
export function cursorColumn(model: Model, size: Size): number {
  return Math.min(size.columns, 3 + width(visibleInput(model, size.columns)));
}

/** Commands and keys, with what they do. */
export function helpSheet(help: Help): string[] {
  const keys = [
    ["Tab Shift-Tab", "choose a conversation"],
    ["↑ ↓", "what you entered before"],
    ["PgUp PgDn", "scroll"],
    ["Esc", "close a list, empty the input"],
    ["Ctrl-C", "leave the chat"],
  ] as const;
  return [...help, ...keys].map(([usage, does]) => `${usage.padEnd(15)}${does}`);
}

function areas({ columns, rows }: Size): { left: number; right: number; height: number } {
  const left = Math.max(12, Math.min(26, Math.floor(columns * 0.3)));
  return { left, right: Math.max(10, columns - left - 3), height: Math.max(1, rows - 3) };
}

function drawHeader(model: Model, columns: number): Row {
  const state = { connecting: "connecting…", live: "online", offline: "offline, trying again", ended: "ended" };
  const right = ` ${model.self.name} · ${state[model.status]} `;
  const { notice } = model;
  const text = notice !== undefined && notice.until > model.clock() ? notice.text : "/help shows what can be typed";
  return [inverse(fit(` OM Messenger  ${text}`, columns - width(right)) + right)];
}

function drawConversations(model: Model, columns: number, rows: number): Row[] {
  const conversations = sortedConversations(model);
  const open = conversations.findIndex(({ id }) => id === model.openId);
  const first = Math.max(0, Math.min(open - rows + 1, conversations.length - rows));
  const shown = conversations.slice(first, first + rows).map((conversation): Row => {
    const count = conversation.unread > 0 ? ` ${conversation.unread > 99 ? "99+" : conversation.unread} ` : "";
    const name = fit(` ${conversation.name}`, columns - 1 - width(count));
    const styled = conversation.id === model.openId ? inverse(name) : conversation.unread > 0 ? bold(name) : name;
    return [drawSign(conversation), styled, ...(count === "" ? [] : [inverse(count)])];
  });
  const hint = conversations.length === 0 ? [[fit("nobody here yet", columns)]] : [];
  return [...shown, ...hint, ...Array.from({ length: rows }, () => [" ".repeat(columns)])].slice(0, rows);
}

/** # a group, × somebody blocked, ● somebody who is there. One column. */
function drawSign({ target, isBlocked, online }: ConversationModel): Span {
  if ("groupId" in target) return dim("#");
  if (isBlocked) return red("×");
  return online ? green("●") : dim("○");
}

function drawSheet(sheet: readonly string[], { columns, rows }: Size, scroll: number): Row[] {
  return Array.from({ length: rows }, (_, i) => [dim(fit(sheet[scroll + i] ?? "", columns))]);
}

/** The end of what is typed, as far as it has room; a new line shows as a sign. */
function visibleInput({ input }: Model, columns: number): string {
  let text = input.text.slice(-4 * columns).replaceAll("\n", "⏎");
  while (width(text) > columns - 4) text = text.slice(1);
  return text;
}

function drawInput(model: Model, columns: number): Row {
  return [fit(`> ${visibleInput(model, columns)}`, columns)];
}
