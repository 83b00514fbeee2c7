import type { Message } from "@om/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { applyMessage } from "./follow.ts";
import { changeLine, clearLines, dropLine, lineOf } from "./lines.ts";
import { createModel, conversationOfGroup, conversationWithUser, type Line, type Model } from "./model.ts";
import { cursorColumn, drawScreen, scrolledView } from "./screen.ts";
import { plain, render } from "./style.ts";
import { width } from "./text.ts";

const at = new Date("2026-11-23T20:15:00").getTime() / 1000;

const nobody = { email: "", full_name: "", avatar: "", role: "user", is_online: true, last_seen: null };

function talking(): Model {
  const model = createModel({ id: 1, name: "ada" }, { now: () => at * 1000, clock: () => 1_000 });
  model.status = "live";
  model.openId = "user_2";
  const conversation = conversationWithUser(model, { id: 2, username: "ben", is_online: true });
  const line = (id: number, mine: boolean, text: string): Line => ({
    id,
    seq: id,
    clientId: `c${id}`,
    mine,
    name: mine ? "ada" : "ben",
    text,
    at,
  });
  conversation.lines = [line(1, true, "one"), line(2, true, "two"), line(3, true, "three"), line(4, false, "four")];
  conversation.lines.push(line(0, true, "five"));
  conversation.read = 1;
  conversation.delivered = 2;
  return model;
}

test("ticks tell what became of own messages", () => {
  const screen = drawScreen(talking(), { columns: 80, rows: 12 }).map(plain);
  const row = (text: string): string => screen.find((line) => line.includes(text)) ?? "";
  expect(row("one")).toMatch(/one 20:15 ✓✓$/);
  expect(drawScreen(talking(), { columns: 80, rows: 12 }).map(render).join("")).toContain("\x1b[94m✓✓");
  expect(row("two")).toMatch(/two 20:15 ✓✓$/);
  expect(row("three")).toMatch(/three 20:15 ✓ $/);
  expect(row("four")).toMatch(/four +20:15$/);
  expect(row("five")).toMatch(/five 20:15 … $/);
});

test("typing shows under the conversation and ends by itself", () => {
  const model = talking();
  const conversation = model.conversations.get("user_2");
  const screen = (): string => drawScreen(model, { columns: 80, rows: 12 }).map(plain).join("");
  conversation?.typing.set(2, 1_001);
  expect(screen()).toContain("ben is typing…");
  conversation?.typing.set(2, 1_000);
  expect(screen()).not.toContain("typing");
});

/** A message as the server tells it. */
function message(id: number, more: Partial<Message>): Message {
  const senderId = more.sender_id ?? 2;
  return {
    id,
    client_id: "",
    sender_id: senderId,
    sender: { ...nobody, id: senderId, username: senderId === 1 ? "ada" : senderId === 2 ? "ben" : "cid" },
    recipient_id: 1,
    group_id: null,
    content: `m${id}`,
    message_type: "text",
    status: "sent",
    is_delivered: false,
    is_read: false,
    version: 1,
    created_at: "",
    created_at_unix: at,
    conversation_id: "user_2",
    seq: id,
    ver: id,
    ...more,
  };
}

test("a group shows who writes, once per run, and several who type; edits and quotes show, deletions take them away", () => {
  const model = talking();
  const conversation = conversationOfGroup(model, { id: 3, name: "hikers" });
  model.openId = conversation.id;
  const inGroup = { group_id: 3, recipient_id: null, conversation_id: "group_3" };
  for (const [id, sender_id] of [2, 2, 9].entries()) applyMessage(model, message(id + 1, { ...inGroup, sender_id }));
  const { reply_to: _none, ...replied } = message(1, inGroup);
  applyMessage(model, message(4, { ...inGroup, sender_id: 1, content: "answer", version: 2, reply_to: replied }));
  for (const id of [2, 9]) conversation.typing.set(id, 1_001);
  const lines = (): string[] =>
    drawScreen(model, { columns: 60, rows: 14 })
      .map((line) => plain(line).slice(21).trim())
      .filter((line) => line !== "");
  expect(lines().slice(1, -1)).toEqual([
    "Mon 23 November 2026",
    "ben",
    expect.stringMatching(/^m1 +20:15$/),
    expect.stringMatching(/^m2 +20:15$/),
    "cid",
    expect.stringMatching(/^m3 +20:15$/),
    "▏ben: m1",
    "answer (edited) 20:15 ✓",
    "ben and cid are typing…",
  ]);
  dropLine(conversation, 1);
  expect(lines().some((line) => line.includes("m1"))).toBe(false);
  changeLine(conversation, lineOf(model, message(77, { ...inGroup, content: "never seen" })));
  clearLines(conversation, 3);
  expect(conversation.lines.map(({ text }) => text)).toEqual(["answer"]);
});

test("a dot tells who is there, a cross who is blocked, a hash what is a group", () => {
  const model = talking();
  conversationWithUser(model, { id: 3, username: "cid", is_online: false });
  conversationWithUser(model, { id: 4, username: "dan", is_online: true }).isBlocked = true;
  conversationOfGroup(model, { id: 3, name: "hikers" });
  const list = drawScreen(model, { columns: 60, rows: 9 }).map((line) => plain(line).slice(0, 6));
  expect(list.slice(1, 5)).toEqual(["# hike", "● ben ", "○ cid ", "× dan "]);
});

test("a list takes the place of the conversation", () => {
  const model = talking();
  model.sheet = ["/leave         leave this group"];
  const screen = drawScreen(model, { columns: 60, rows: 9 }).map(plain).join("");
  expect([screen.includes("/leave"), screen.includes("three")]).toEqual([true, false]);
});

test("every screen fills the terminal exactly, whatever the text and the size", () => {
  const size = fc.record({ columns: fc.integer({ min: 30, max: 140 }), rows: fc.integer({ min: 6, max: 50 }) });
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", maxLength: 300 }), { maxLength: 8 }),
      size,
      fc.boolean(),
      (texts, area, isGroup) => {
        const model = talking();
        model.input.text = texts[0] ?? "";
        for (const [index, content] of texts.entries()) {
          const sender = { ...nobody, id: 2, username: content };
          const { reply_to: _none, ...replied } = message(1, { sender, content });
          applyMessage(model, message(10 + index, { sender, content, version: 2, reply_to: replied }));
        }
        if (isGroup) {
          const conversation = model.conversations.get("user_2");
          if (conversation !== undefined) conversation.target = { groupId: 2 };
        }
        const screen = drawScreen(model, area).map(plain);
        expect(screen).toHaveLength(area.rows);
        for (const line of screen) expect(width(line)).toBe(area.columns);
        expect(cursorColumn(model, area)).toBeLessThanOrEqual(area.columns);
      },
    ),
  );
});

/** What no text of others may bring to a terminal. */
// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
// oxlint-disable-next-line no-control-regex
const ownStyles = /\x1b\[(?:0|1|2|7|31|32|36|94)m/g;

test("nothing that anybody wrote brings a control sequence to the terminal: names, groups, texts, quotes, notices, lists, own input", () => {
  const evil = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.constantFrom("\x1b]0;OWNED\x07", "\x1b]52;c;Y3VybA==\x07", "\x9b2J", "\x1b[2J\x1b[31m", "\x1bPq\x1b\\"),
  );
  fc.assert(
    fc.property(fc.array(evil, { minLength: 8, maxLength: 8 }), fc.boolean(), (texts, showsSheet) => {
      const [name = "", group = "", content = "", quoted = "", notice = "", row = "", typed = "", own = ""] = texts;
      const model = createModel({ id: 1, name: own }, { now: () => at * 1000, clock: () => 1_000 });
      const conversation = conversationOfGroup(model, { id: 3, name: group });
      model.openId = conversation.id;
      model.notice = { text: notice, until: 2_000 };
      model.input.text = typed;
      if (showsSheet) model.sheet = [row];
      const sender = { ...nobody, id: 2, username: name };
      const { reply_to: _none, ...replied } = message(1, { sender, content: quoted });
      const inGroup = { group_id: 3, recipient_id: null, conversation_id: "group_3" };
      applyMessage(model, message(2, { ...inGroup, sender, content, reply_to: replied }));
      conversation.typing.set(2, 1_001);
      for (const line of drawScreen(model, { columns: 60, rows: 12 })) {
        const drawn = render(line).replaceAll(ownStyles, "");
        expect(drawn).not.toMatch(controls);
        expect(width(drawn)).toBe(60);
      }
      expect(render([content])).not.toMatch(controls);
    }),
  );
});

test("scrolling goes up to the first row and no further, whatever the lines are wrapped into", () => {
  const model = talking();
  const conversation = conversationWithUser(model, { id: 2, username: "ben" });
  for (let id = 10; id < 40; id += 1) applyMessage(model, message(id, { content: `${id} ${"word ".repeat(60)}` }));
  const size = { columns: 60, rows: 12 };
  const { scroll, atTop, rows } = scrolledView(conversation, size, 100_000);
  expect([atTop, plain(rows[0] ?? []).trim(), plain(rows[1] ?? []).trim()]).toEqual([
    true,
    "Mon 23 November 2026",
    expect.stringMatching(/^one 20:15/),
  ]);
  expect(scrolledView(conversation, size, scroll - 1).atTop).toBe(false);
  expect(plain(scrolledView(conversation, size, 0).rows.at(-1) ?? [])).toContain("five");
});

test("each day stands above its first line", () => {
  const model = talking();
  const conversation = conversationWithUser(model, { id: 2, username: "ben" });
  conversation.lines.pop();
  applyMessage(model, message(20, { created_at_unix: at + 86_400 }));
  const rows = scrolledView(conversation, { columns: 60, rows: 30 }, 0).rows.map((row) => plain(row).trim());
  expect(rows.filter((row) => row.endsWith("2026"))).toEqual(["Mon 23 November 2026", "Tue 24 November 2026"]);
});

test("a long text that is typed is drawn at once, by its end", () => {
  const model = talking();
  model.input.text = `${"x".repeat(60_000)}\nthe end`;
  expect(plain(drawScreen(model, { columns: 40, rows: 9 }).at(-1) ?? [])).toMatch(/^> x+⏎the end +$/);
});
