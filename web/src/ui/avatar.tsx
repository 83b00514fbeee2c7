import { useState } from "react";
import { mediaPath } from "../text/media.ts";

/** Of a fixed set, so that white letters are readable on each. */
const hues = 8;

interface Props {
  /** Gives the same colour every time. */
  id: number;
  name: string;
  picture: string;
  isOnline?: boolean;
  size?: "small" | "large";
}

/** A picture, or the first letters of a name. The name stands beside it, so it says nothing itself. */
export function Avatar({ id, name, picture, isOnline = false, size }: Props) {
  const [broken, setBroken] = useState("");
  return (
    <span className={`avatar hue-${id % hues} ${size ?? ""}`} aria-hidden="true">
      {picture !== "" && picture !== broken ? (
        <img src={mediaPath(picture)} alt="" loading="lazy" onError={() => setBroken(picture)} />
      ) : (
        initials(name)
      )}
      {isOnline && <span className="presence" />}
    </span>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s_]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = (words.length > 1 ? [words[0], words.at(-1)] : words).map((word) => Array.from(word ?? "")[0] ?? "");
  return letters.join(/[\u0600-\u06FF]/.test(letters[0] ?? "") ? "\u200C" : "").toLocaleUpperCase() || "?";
}
