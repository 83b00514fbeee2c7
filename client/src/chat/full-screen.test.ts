import { EventEmitter } from "node:events";
import type { Message } from "@om/protocol";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Actions } from "./actions.ts";
import { applyMessage } from "./follow.ts";
import { startFullScreen, type Terminal } from "./full-screen.ts";
import { conversationWithUser, createModel, notify, type Model } from "./model.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openScreen(enter: Actions["enter"] = () => Promise.resolve(true)) {
  const model = createModel({ id: 1, name: "ada" });
  const conversation = conversationWithUser(model, { id: 2, username: "ben" });
  conversation.complete = true;
  model.openId = conversation.id;
  const done = vi.fn<() => Promise<boolean>>(() => Promise.resolve(true));
  const actions: Actions = {
    enter: vi.fn<Actions["enter"]>(enter),
    move: done,
    older: vi.fn<Actions["older"]>(() => Promise.resolve(true)),
    openWith: done,
    closeSheet: () => (model.sheet = undefined),
    seen: () => undefined,
    help: [],
  };
  const keyboard = new EventEmitter();
  let written = "";
  const output = {
    columns: 60,
    rows: 12,
    write: (text: string) => (written += text) !== "",
    on: vi.fn<() => void>(),
    off: vi.fn<() => void>(),
  };
  const input = Object.assign(keyboard, {
    setRawMode: () => input,
    setEncoding: () => input,
    resume: () => input,
    pause: () => input,
  });
  const terminal = { input, output } as unknown as Terminal;
  const screen = startFullScreen({
    model,
    actions,
    connection: { typing: () => undefined },
    quit: () => undefined,
    terminal,
  });
  const settle = async (): Promise<string> => {
    await vi.advanceTimersByTimeAsync(0);
    const all = written;
    written = "";
    return all;
  };
  return { model, actions, screen, settle, press: (keys: string) => keyboard.emit("data", keys) };
}

/** Messages of ben, a day old. */
function say(model: Model, count: number): void {
  const sender = {
    id: 2,
    username: "ben",
    email: "",
    full_name: "",
    avatar: "",
    role: "user",
    is_online: true,
    last_seen: null,
  };
  for (let id = 1; id <= count; id += 1) {
    const place = {
      id,
      seq: id,
      ver: id,
      client_id: `c${id}`,
      conversation_id: "user_2",
      created_at: "",
      created_at_unix: 1_700_000_000,
    };
    const to = { sender_id: 2, sender, recipient_id: 1, group_id: null };
    const message: Message = {
      ...place,
      ...to,
      content: `m${id}`,
      message_type: "text",
      status: "sent",
      is_delivered: false,
      is_read: false,
      version: 1,
    };
    applyMessage(model, message);
  }
}

test("a paste is one message and never a command; what was refused stays to be changed", async () => {
  const { model, actions, settle, press, screen } = openScreen(() => Promise.resolve(false));
  expect(await settle()).toContain("\x1b[?2004h");
  press("\x1b[200~/quit\nand more\n\x1b[201~");
  expect(await settle()).toContain("> /quit⏎and more");
  expect(actions.enter).not.toHaveBeenCalled();
  press("\r");
  await settle();
  expect(actions.enter).toHaveBeenCalledExactlyOnceWith("/quit\nand more", { isText: true });
  expect([model.input.text, model.input.isPasted]).toEqual(["/quit\nand more", true]);
  screen[Symbol.dispose]();
  expect(await settle()).toContain("\x1b[?2004l");
});

test("idle it costs nothing: no timer, nothing written; a notice goes away, and that is the end of it", async () => {
  const { model, settle, screen } = openScreen();
  await settle();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(await settle()).toBe("");
  notify(model, "you should know");
  screen.draw();
  expect(await settle()).toContain("you should know");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await settle()).toContain("/help shows what");
  expect(vi.getTimerCount()).toBe(0);
});

test("only rows that changed are written", async () => {
  const { model, settle, press } = openScreen();
  say(model, 30);
  await settle();
  press("x");
  const written = await settle();
  expect(written).toContain("> x");
  expect(written).not.toContain("m30");
});

test("scrolling asks for older messages at the top and shows them", async () => {
  const { model, actions, settle, press } = openScreen();
  say(model, 30);
  expect(await settle()).toContain("m30");
  for (let page = 0; page < 4; page += 1) press("\x1b[5~");
  expect(await settle()).toMatch(/Tue 14 November 2023.*m1 /s);
  expect(actions.older).toHaveBeenCalled();
  for (let page = 0; page < 4; page += 1) press("\x1b[6~");
  expect(await settle()).toContain("m30");
});
