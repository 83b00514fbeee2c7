import { drawConversation, type Size } from "./draw-conversation.ts";
import { selectedConversation, sortedConversations, type Model, type ConversationModel } from "./model.ts";
import { bold, dim, green, inverse, red } from "./style.ts";
import { fit, safeText, width } from "./text.ts";

/** What can be typed and what it does, in pairs. */
type Help = readonly (readonly [usage: string, does: string])[];

/** The whole screen as lines, each as wide as the terminal: conversations on the left, the open one on the right, input below. */
export function drawScreen(model: Model, size: Size, help: Help = []): string[] {
  const left = Math.max(12, Math.min(26, Math.floor(size.columns * 0.3)));
  const right = Math.max(10, size.columns - left - 3);
  const height = Math.max(1, size.rows - 3);
  const conversations = drawConversations(model, left, height);
  const conversation = selectedConversation(model);
  const lines =
    conversation === undefined || model.showsHelp
      ? drawHelp(help, right, height)
      : drawConversation(model, conversation, { columns: right, rows: height });
  const body = Array.from({ length: height }, (_, i) => `${conversations[i] ?? ""} ${dim("│")} ${lines[i] ?? ""}`);
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

function drawConversations(model: Model, columns: number, rows: number): string[] {
  const conversations = sortedConversations(model);
  const open = conversations.findIndex(({ id }) => id === model.openId);
  const first = Math.max(0, Math.min(open - rows + 1, conversations.length - rows));
  const shown = conversations.slice(first, first + rows).map((conversation) => {
    const count = conversation.unread > 0 ? ` ${conversation.unread > 99 ? "99+" : conversation.unread} ` : "";
    const name = fit(` ${safeText(conversation.name)}`, columns - 1 - width(count));
    const styled = conversation.id === model.openId ? inverse(name) : conversation.unread > 0 ? bold(name) : name;
    return drawSign(conversation) + styled + (count === "" ? "" : inverse(count));
  });
  const hint = conversations.length === 0 ? [fit("nobody here yet", columns)] : [];
  return [...shown, ...hint, ...Array.from({ length: rows }, () => " ".repeat(columns))].slice(0, rows);
}

/** # a group, × somebody blocked, ● somebody who is there. One column. */
function drawSign({ target, isBlocked, online }: ConversationModel): string {
  if ("groupId" in target) return dim("#");
  if (isBlocked) return red("×");
  return online ? green("●") : dim("○");
}

function drawHelp(help: Help, columns: number, rows: number): string[] {
  const keys = [["↑ ↓", "choose a conversation"] as const, ["PgUp PgDn", "scroll"] as const];
  const text = [...help, ...keys].map(([usage, does]) => `${usage.padEnd(15)}${does}`);
  return Array.from({ length: rows }, (_, i) => dim(fit(text[i] ?? "", columns)));
}

function visibleInput(model: Model, columns: number): string {
  let text = model.input;
  while (width(text) > columns - 4) text = text.slice(1);
  return text;
}

function drawInput(model: Model, columns: number): string {
  return fit(`> ${visibleInput(model, columns)}`, columns);
}
