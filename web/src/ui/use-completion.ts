import { useEffect, useState, type KeyboardEvent, type RefObject } from "react";
import { peerOf, targetOfTalk, type Person } from "../store/model.ts";
import { begunAt, emojiNameAt, mentionsIn, startsIn, type Begun } from "../text/complete.ts";
import type * as emojiData from "../text/emoji.ts";
import { useStore } from "./context.ts";
import { nameOf } from "./names.ts";
import { useMembers } from "./use-members.ts";

/** Something that takes the place of what was begun. */
export interface Option {
  key: string;
  insert: string;
  label: string;
  hint: string;
  /** undefined: an emoji. */
  person?: Person;
}

type Field = RefObject<HTMLTextAreaElement | null>;
type EmojiData = typeof emojiData;

const most = 6;

/** Completes names with `@` in groups, and emoji with `:`. Its data come when they are needed first. */
export function useCompletion(talkId: string, input: Field) {
  const [begun, setBegun] = useState<Begun | undefined>();
  const [active, setActive] = useState(0);
  const emoji = useEmoji(begun?.kind === "emoji");
  const hasSign = useStore((store) => store.drafts.get(talkId)?.includes("@") === true);
  const target = targetOfTalk(talkId);
  const { members } = useMembers("groupId" in target && hasSign ? target.groupId : undefined);
  const me = useStore((store) => store.me.id);
  const options = begun === undefined ? [] : optionsOf(begun, { members, me, emoji });
  function put(from: number, to: number, text: string): void {
    const { current: field } = input;
    if (field === null) return;
    field.setRangeText(text, from, to, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }
  const choose = (option: Option | undefined): void => {
    if (begun !== undefined && option !== undefined) put(begun.from, begun.to, option.insert);
    setBegun(undefined);
  };
  return {
    options,
    active: Math.min(active, options.length - 1),
    choose,
    insert(text: string) {
      const { current: field } = input;
      if (field !== null) put(field.selectionStart, field.selectionEnd, text);
    },
    /** Whom a text mentions. */
    mentioned: (text: string) => mentionsIn(text, members),
    look(): void {
      const { current: field } = input;
      if (field === null) return;
      const caret = field.selectionStart === field.selectionEnd ? field.selectionEnd : 0;
      const next = begunAt(field.value, caret);
      setBegun(next?.kind === "mention" && peerOf(talkId) !== undefined ? undefined : next);
      setActive(0);
      const whole = emojiNameAt(field.value, caret);
      if (whole !== undefined) void nameToEmoji(field, whole, caret, put);
    },
    /** @returns whether the key was for the list */
    press(event: KeyboardEvent): boolean {
      if (options.length === 0 || event.nativeEvent.isComposing) return false;
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step !== 0) setActive((active + step + options.length) % options.length);
      else if (event.key === "Enter" || event.key === "Tab") choose(options[Math.min(active, options.length - 1)]);
      else if (event.key === "Escape") setBegun(undefined);
      else return false;
      event.preventDefault();
      event.stopPropagation();
      return true;
    },
  };
}

interface Known {
  members: readonly Person[];
  me: number;
  emoji: EmojiData | undefined;
}

function optionsOf({ kind, query }: Begun, { members, me, emoji }: Known): Option[] {
  if (kind === "emoji")
    return (emoji?.findEmoji(query, most) ?? []).map(({ emoji, names }) => ({
      key: emoji,
      insert: `${emoji} `,
      label: emoji,
      hint: `:${names[0]}:`,
    }));
  return members
    .filter(({ id, username, fullName }) => id !== me && startsIn(query, username, fullName))
    .slice(0, most)
    .map((person) => ({
      key: String(person.id),
      insert: `@${person.username} `,
      label: nameOf(person),
      hint: `@${person.username}`,
      person,
    }));
}

function useEmoji(isNeeded: boolean): EmojiData | undefined {
  const [data, setData] = useState<EmojiData | undefined>();
  useEffect(() => {
    if (isNeeded) void import("../text/emoji.ts").then(setData, () => undefined);
  }, [isNeeded]);
  return data;
}

/** `:name:` becomes its emoji, if it still stands there when the names are known. */
async function nameToEmoji(
  field: HTMLTextAreaElement,
  { name, from }: { name: string; from: number },
  to: number,
  put: (from: number, to: number, text: string) => void,
): Promise<void> {
  const { emojiNamed } = await import("../text/emoji.ts");
  const emoji = emojiNamed(name);
  if (emoji !== undefined && field.value.slice(from, to) === `:${name}:`) put(from, to, emoji);
}
