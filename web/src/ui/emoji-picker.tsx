import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { TextKey } from "../i18n/en.ts";
import { t } from "../i18n/index.ts";
import { readLocal, writeLocal } from "../storage/local.ts";
import type * as emojiData from "../text/emoji.ts";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";

/** As the data name them, with what stands for each. */
const categories: readonly { name: string; sign: string; label: TextKey }[] = [
  { name: "Smileys & Emotion", sign: "😀", label: "emojiSmileys" },
  { name: "People & Body", sign: "👋", label: "emojiPeople" },
  { name: "Animals & Nature", sign: "🐻", label: "emojiNature" },
  { name: "Food & Drink", sign: "🍎", label: "emojiFood" },
  { name: "Travel & Places", sign: "✈️", label: "emojiPlaces" },
  { name: "Activities", sign: "⚽", label: "emojiActivities" },
  { name: "Objects", sign: "💡", label: "emojiObjects" },
  { name: "Symbols", sign: "❤️", label: "emojiSymbols" },
  { name: "Flags", sign: "🏁", label: "emojiFlags" },
];
const keptRecent = 24;
const mostFound = 80;

interface Props {
  onChoose: (emoji: string) => void;
  onClose: () => void;
}

/** All emoji, by kind and by name; the ones that were used last come first. */
export function EmojiPicker({ onChoose, onClose }: Props) {
  const [data, setData] = useState<typeof emojiData | undefined>();
  const [text, setText] = useState("");
  const recent = (readLocal("emoji") ?? "").split(" ").filter((one) => one !== "");
  const [category, setCategory] = useState(recent.length > 0 ? "" : categories[0]?.name);
  const grid = useRef<HTMLDivElement>(null);
  useEffect(() => void import("../text/emoji.ts").then(setData, () => undefined), []);
  useEffect(() => grid.current?.scrollTo(0, 0), [category, text]);
  const shown =
    data === undefined
      ? []
      : text.trim() !== ""
        ? data.findEmoji(text.trim(), mostFound)
        : category === ""
          ? recent.flatMap((one) => data.allEmoji.find(({ emoji }) => emoji === one) ?? [])
          : data.allEmoji.filter((one) => one.category === category);
  const choose = (emoji: string): void => {
    writeLocal("emoji", [emoji, ...recent.filter((one) => one !== emoji)].slice(0, keptRecent).join(" "));
    onChoose(emoji);
    onClose();
  };
  return (
    <Dialog title={t("emoji")} onClose={onClose} isMenu>
      <Field
        label={t("emojiSearch")}
        type="search"
        value={text}
        autoComplete="off"
        autoFocus
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && shown[0] !== undefined && text.trim() !== "") choose(shown[0].emoji);
        }}
      />
      {text.trim() === "" && <Kinds hasRecent={recent.length > 0} chosen={category} onChoose={setCategory} />}
      <div ref={grid} className="emoji-grid" onKeyDown={walk}>
        {shown.map(({ emoji, names }) => (
          <button key={emoji} type="button" title={`:${names[0]}:`} aria-label={names[0]} onClick={() => choose(emoji)}>
            {emoji}
          </button>
        ))}
        {data !== undefined && shown.length === 0 && <p className="hint">{t("noMatches")}</p>}
      </div>
    </Dialog>
  );
}

interface KindsProps {
  hasRecent: boolean;
  chosen: string | undefined;
  onChoose: (name: string) => void;
}

function Kinds({ hasRecent, chosen, onChoose }: KindsProps) {
  const kinds = hasRecent ? [{ name: "", sign: "🕘", label: "emojiRecent" as const }, ...categories] : categories;
  return (
    <div className="emoji-kinds" role="group" aria-label={t("emojiKinds")}>
      {kinds.map(({ name, sign, label }) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === chosen}
          aria-label={t(label)}
          title={t(label)}
          onClick={() => onChoose(name)}
        >
          {sign}
        </button>
      ))}
    </div>
  );
}

/** Arrows go through the grid, in the direction in which it is read. */
function walk(event: KeyboardEvent<HTMLDivElement>): void {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.findIndex((button) => button === document.activeElement);
  const [first, second] = [buttons[0], buttons.find((one) => one.offsetTop > (buttons[0]?.offsetTop ?? 0))];
  if (at < 0 || first === undefined) return;
  const perRow = second === undefined ? buttons.length : buttons.indexOf(second);
  const ahead = document.documentElement.dir === "rtl" ? -1 : 1;
  const steps: Record<string, number> = {
    ArrowRight: ahead,
    ArrowLeft: -ahead,
    ArrowDown: perRow,
    ArrowUp: -perRow,
  };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  buttons[at + step]?.focus();
}
