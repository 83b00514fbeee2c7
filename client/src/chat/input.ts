import { dropLast } from "./text.ts";

/** What is being typed. */
export interface Input {
  text: string;
  /** It begins with what was pasted, so it is a message whatever it looks like. */
  isPasted: boolean;
  /** What was entered before, the newest last. */
  readonly entered: Entry[];
  /** Which of `entered` is shown; behind the last: what is being typed. */
  at: number;
}

/** What was entered in one go. */
export type Entry = Pick<Input, "text" | "isPasted">;

/** More than any message may have, in UTF-16 units; what is pasted beyond it is not kept. */
const maxInput = 65_536;
const maxEntered = 100;

export function createInput(): Input {
  return { text: "", isPasted: false, entered: [], at: 0 };
}

export function typeText(input: Input, text: string): void {
  input.text = (input.text + text).slice(0, maxInput);
}

export function pasteText(input: Input, text: string): void {
  if (input.text === "") input.isPasted = true;
  typeText(input, text.replaceAll(/\r\n?/g, "\n"));
}

export function eraseLast(input: Input): void {
  setInput(input, { text: dropLast(input.text), isPasted: input.isPasted });
}

export function setInput(input: Input, { text, isPasted }: Entry = { text: "", isPasted: false }): void {
  input.text = text;
  input.isPasted = isPasted && text !== "";
}

/** Takes what was typed; it can be recalled. */
export function takeInput(input: Input): Entry {
  const { text, isPasted } = input;
  if (text.trim() !== "" && input.entered.at(-1)?.text !== text) input.entered.push({ text, isPasted });
  input.entered.splice(0, input.entered.length - maxEntered);
  input.at = input.entered.length;
  setInput(input);
  return { text, isPasted };
}

/** Shows what was entered before, or again what came after it. */
export function recallInput(input: Input, by: -1 | 1): void {
  const at = Math.max(0, Math.min(input.entered.length, input.at + by));
  if (at === input.at) return;
  input.at = at;
  setInput(input, input.entered[at]);
}
