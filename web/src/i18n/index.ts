import { readLocal, writeLocal } from "../storage/local.ts";
import { Observable } from "../store/observable.ts";
import { en, type Text, type TextKey } from "./en.ts";
import { fa } from "./fa.ts";

/** Another language is one more file, named here. */
export const languages = {
  en: { name: "English", dir: "ltr", texts: en },
  fa: { name: "فارسی", dir: "rtl", texts: fa },
} as const satisfies Record<string, { name: string; dir: "ltr" | "rtl"; texts: Record<TextKey, Text> }>;

export type Language = keyof typeof languages;

class Locale extends Observable {
  language: Language = preferred();

  set(language: Language): void {
    this.language = language;
    writeLocal("language", language);
    this.apply();
    this.tell();
  }

  apply(): void {
    document.documentElement.lang = this.language;
    document.documentElement.dir = languages[this.language].dir;
  }
}

function preferred(): Language {
  const wished = [readLocal("language") ?? "", ...navigator.languages.map((tag) => tag.split("-")[0] ?? "")];
  return wished.find((tag): tag is Language => Object.hasOwn(languages, tag)) ?? "en";
}

export const locale = new Locale();

/** The text of the page's language, with its values. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  return fill(languages[locale.language].texts[key], values, locale.language);
}

export function fill(text: Text, values: Record<string, string | number>, language: string): string {
  const { count } = values;
  const chosen =
    typeof text === "string"
      ? text
      : (text[typeof count === "number" ? new Intl.PluralRules(language).select(count) : "other"] ?? text.other ?? "");
  return chosen.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? formatNumber(value, language) : value;
  });
}

export function formatNumber(value: number, language: string = locale.language): string {
  return new Intl.NumberFormat(language).format(value);
}
