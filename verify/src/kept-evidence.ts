import { readFileSync, writeFileSync } from "node:fs";
import { internTexts } from "./history/interned-texts.ts";
import type { Evidence } from "./judge.ts";

/** Writes down all that a run has to show, so that it can be judged again. */
export function keepEvidence(file: string, { texts, hiding, history, ...rest }: Evidence): void {
  const kept = { ...rest, texts: texts.all(), hiding: [...hiding], history };
  writeFileSync(
    file,
    JSON.stringify(kept, (_, value: unknown) => (value === Infinity ? null : value)),
  );
}

export function readEvidence(file: string): Evidence {
  const kept = JSON.parse(readFileSync(file, "utf8")) as Omit<Evidence, "texts" | "hiding"> & {
    texts: string[];
    hiding: string[];
  };
  return { ...kept, texts: internTexts(kept.texts), hiding: new Set(kept.hiding) };
}
