import type { OmConnection } from "../connection.ts";
import type { Actions } from "./actions.ts";
import { parseKeys, type Key } from "./keys.ts";
import { selectedConversation, type Model } from "./model.ts";
import { cursorColumn, drawScreen } from "./screen.ts";
import { dropLast } from "./text.ts";

/** The chat on a whole terminal. Disposing it gives the terminal back as it was. */
export interface FullScreen extends Disposable {
  draw(): void;
}

export function startFullScreen(deps: {
  model: Model;
  actions: Actions;
  connection: OmConnection;
  quit: () => void;
}): FullScreen {
  const { model, actions } = deps;
  const { stdin, stdout } = process;
  let scheduled = false;

  function paint(): void {
    scheduled = false;
    const size = { columns: stdout.columns || 80, rows: stdout.rows || 24 };
    const lines = drawScreen(model, size, actions.help).map((line, row) => `\x1b[${row + 1};1H${line}`);
    stdout.write(`\x1b[?25l${lines.join("")}\x1b[${size.rows};${cursorColumn(model, size)}H\x1b[?25h`);
  }

  function draw(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(paint);
  }

  function press(key: Key): void {
    const page = Math.max(1, (stdout.rows || 24) - 5);
    if (key.kind === "quit") deps.quit();
    else if (key.kind === "enter") {
      const text = model.input;
      model.input = "";
      void actions.enter(text);
    } else if (key.kind === "text") type(key.text);
    else if (key.kind === "backspace") model.input = dropLast(model.input);
    else if (key.kind === "clear" || key.kind === "escape") model.input = "";
    else if (key.kind === "up" || key.kind === "down") void actions.move(key.kind === "up" ? -1 : 1);
    else scroll(key.kind === "pageUp" ? page : -page);
    draw();
  }

  function type(text: string): void {
    model.input += text;
    const conversation = selectedConversation(model);
    if (conversation !== undefined && !model.input.startsWith("/")) deps.connection.typing(conversation.target);
  }

  function scroll(by: number): void {
    const lines = selectedConversation(model)?.lines.length ?? 0;
    model.scroll = Math.max(0, Math.min(model.scroll + by, lines));
    if (by > 0 && model.scroll + by >= lines) void actions.older();
  }

  const onInput = (data: string): void => parseKeys(data).forEach(press);
  stdin.setRawMode(true).setEncoding("utf8").on("data", onInput).resume();
  stdout.on("resize", draw);
  // "is typing" disappears by itself.
  const clock = setInterval(draw, 1_000);
  stdout.write("\x1b[?1049h\x1b[2J");
  draw();
  return {
    draw,
    [Symbol.dispose]() {
      clearInterval(clock);
      stdin.off("data", onInput).pause();
      stdin.setRawMode(false);
      stdout.write("\x1b[?1049l\x1b[?25h");
    },
  };
}
