import fc from "fast-check";
import { expect, test } from "vitest";
import { createModel, takeMessage, talkWith, type Model } from "./model.ts";
import { cursorColumn, drawScreen } from "./screen.ts";
import { width } from "./text.ts";

// oxlint-disable-next-line no-control-regex
const plain = (line: string): string => line.replaceAll(/\x1b\[[0-9;]*m/g, "");
const at = new Date("2026-11-23T20:15:00").getTime() / 1000;

function talking(): Model {
  const model = createModel({ id: 1, name: "ada" }, () => at * 1000);
  model.status = "live";
  model.openId = 2;
  const talk = talkWith(model, { id: 2, username: "ben", is_online: true });
  const line = (id: number, mine: boolean, text: string) => ({ id, clientId: `c${id}`, mine, text, at });
  talk.lines = [line(1, true, "one"), line(2, true, "two"), line(3, true, "three"), line(4, false, "four")];
  talk.lines.push(line(0, true, "five"));
  talk.read = 1;
  talk.delivered = 2;
  return model;
}

test("ticks tell what became of own messages", () => {
  const screen = drawScreen(talking(), { columns: 80, rows: 12 }).map(plain);
  const row = (text: string): string => screen.find((line) => line.includes(text)) ?? "";
  expect(row("one")).toMatch(/one 20:15 ✓✓$/);
  expect(drawScreen(talking(), { columns: 80, rows: 12 }).join("")).toContain("\x1b[94m✓✓");
  expect(row("two")).toMatch(/two 20:15 ✓✓$/);
  expect(row("three")).toMatch(/three 20:15 ✓ $/);
  expect(row("four")).toMatch(/four +20:15$/);
  expect(row("five")).toMatch(/five 20:15 … $/);
});

test("typing shows under the talk and ends by itself", () => {
  const model = talking();
  const talk = model.talks.get(2);
  if (talk !== undefined) talk.typingUntil = at * 1000 + 1;
  expect(drawScreen(model, { columns: 80, rows: 12 }).join("")).toContain("ben is typing…");
  if (talk !== undefined) talk.typingUntil = at * 1000;
  expect(drawScreen(model, { columns: 80, rows: 12 }).join("")).not.toContain("typing");
});

test("every screen fills the terminal exactly, whatever the text and the size", () => {
  const size = fc.record({ columns: fc.integer({ min: 30, max: 140 }), rows: fc.integer({ min: 6, max: 50 }) });
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 300 }), { maxLength: 8 }), size, (texts, area) => {
      const model = talking();
      model.input = texts[0] ?? "";
      for (const [index, content] of texts.entries()) {
        const sender = {
          id: 2,
          username: content,
          email: "",
          full_name: "",
          avatar: "",
          role: "user",
          is_online: true,
          last_seen: null,
        };
        takeMessage(model, {
          id: 10 + index,
          client_id: "",
          sender_id: 2,
          sender,
          recipient_id: 1,
          group_id: null,
          content,
          message_type: "text",
          status: "sent",
          is_delivered: false,
          is_read: false,
          version: 1,
          created_at: "",
          created_at_unix: at,
          conversation_id: "user_2",
          seq: index + 1,
          ver: index + 1,
        });
      }
      const screen = drawScreen(model, area).map(plain);
      expect(screen).toHaveLength(area.rows);
      for (const line of screen) expect(width(line)).toBe(area.columns);
      expect(cursorColumn(model, area)).toBeLessThanOrEqual(area.columns);
    }),
  );
});
