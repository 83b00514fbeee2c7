import type { OmConnection } from "../connection.ts";
import type { Actions } from "./actions.ts";
import { eraseLast, pasteText, recallInput, setInput, takeInput, typeText } from "./input.ts";
import { bracketedPaste, createKeyReader, type Key } from "./keys.ts";
import { nextExpiry, selectedConversation, type Model } from "./model.ts";
import { cursorColumn, drawScreen, scrolledView } from "./screen.ts";
import { render } from "./style.ts";

/** The chat on a whole terminal. Disposing it gives the terminal back as it was. */
export interface FullScreen extends Disposable {
  draw(): void;
}

/** What the screen needs of a terminal. */
export interface Terminal {
  input: Pick<NodeJS.ReadStream, "setRawMode" | "setEncoding" | "on" | "off" | "resume" | "pause">;
  output: Pick<NodeJS.WriteStream, "write" | "on" | "off"> & { columns?: number; rows?: number };
}

export function startFullScreen(deps: {
  model: Model;
  actions: Actions;
  connection: Pick<OmConnection, "typing">;
  quit: () => void;
  terminal?: Terminal;
}): FullScreen {
  const { input, output } = deps.terminal ?? { input: process.stdin, output: process.stdout };
  const painter = createPainter(deps.model, deps.actions, output);
  const readKeys = createKeyReader();
  const press = createPress({ ...deps, draw: painter.draw, size: () => sizeOf(output) });
  const onInput = (data: string): void => readKeys(data).forEach(press);
  input.setRawMode(true).setEncoding("utf8");
  input.on("data", onInput).resume();
  output.on("resize", painter.drawAll);
  output.write(`\x1b[?1049h\x1b[2J${bracketedPaste.on}`);
  painter.draw();
  return {
    draw: painter.draw,
    [Symbol.dispose]() {
      painter.stop();
      input.off("data", onInput).pause();
      input.setRawMode(false);
      output.off("resize", painter.drawAll);
      output.write(`${bracketedPaste.off}\x1b[?1049l\x1b[?25h`);
    },
  };
}

function sizeOf({ columns, rows }: Terminal["output"]): { columns: number; rows: number } {
  return { columns: columns || 80, rows: rows || 24 };
}

/** Writes the rows that changed, and again when something on the screen is over; in between nothing runs. */
function createPainter(model: Model, { help }: Actions, output: Terminal["output"]) {
  let scheduled: NodeJS.Immediate | undefined;
  let expiry: NodeJS.Timeout | undefined;
  let shown: string[] = [];

  function paint(): void {
    scheduled = undefined;
    const size = sizeOf(output);
    const next = drawScreen(model, size, help).map(render);
    const changed = next.map((row, at) => (row === shown[at] ? "" : `\x1b[${at + 1};1H${row}`)).join("");
    shown = next;
    const cursor = `\x1b[${size.rows};${cursorColumn(model, size)}H`;
    output.write(changed === "" ? cursor : `\x1b[?25l${changed}${cursor}\x1b[?25h`);
    clearTimeout(expiry);
    const ms = nextExpiry(model);
    expiry = ms === undefined ? undefined : setTimeout(draw, Math.ceil(ms));
  }

  function draw(): void {
    scheduled ??= setImmediate(paint);
  }

  return {
    draw,
    drawAll(): void {
      shown = [];
      output.write("\x1b[2J");
      draw();
    },
    stop(): void {
      clearImmediate(scheduled);
      clearTimeout(expiry);
    },
  };
}

/** What each key does. */
function createPress(deps: {
  model: Model;
  actions: Actions;
  connection: Pick<OmConnection, "typing">;
  quit: () => void;
  draw: () => void;
  size: () => { columns: number; rows: number };
}): (key: Key) => void {
  const { model, actions, connection, draw, size } = deps;

  async function enter(): Promise<void> {
    const entry = takeInput(model.input);
    // What was refused can be changed and entered again.
    if (!(await actions.enter(entry.text, { isText: entry.isPasted })) && model.input.text === "")
      setInput(model.input, entry);
    draw();
  }

  /** @param by rows, up */
  function scroll(by: number): void {
    const conversation = selectedConversation(model);
    if (model.sheet !== undefined) model.scroll = Math.max(0, Math.min(model.scroll - by, model.sheet.length - 1));
    else if (conversation !== undefined) {
      const view = scrolledView(conversation, size(), Math.max(0, model.scroll + by));
      model.scroll = view.scroll;
      if (by > 0 && view.atTop) void actions.older();
    }
  }

  const presses: Record<Exclude<Key["kind"], "text" | "paste">, () => unknown> = {
    quit: deps.quit,
    enter,
    backspace: () => eraseLast(model.input),
    clear: () => setInput(model.input),
    escape: () => (model.sheet === undefined ? setInput(model.input) : actions.closeSheet()),
    up: () => recallInput(model.input, -1),
    down: () => recallInput(model.input, 1),
    previous: () => actions.move(-1),
    next: () => actions.move(1),
    pageUp: () => scroll(size().rows - 5),
    pageDown: () => scroll(5 - size().rows),
  };

  return (key) => {
    if (key.kind !== "text" && key.kind !== "paste") void presses[key.kind]();
    else if (key.kind === "text") typeText(model.input, key.text);
    else pasteText(model.input, key.text);
    const conversation = selectedConversation(model);
    if ("text" in key && conversation !== undefined && (model.input.isPasted || !model.input.text.startsWith("/")))
      connection.typing(conversation.target);
    draw();
  };
}
