import { readLocal, writeLocal } from "./storage/local.ts";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export function currentTheme(): Theme {
  return themes.find((theme) => theme === readLocal("theme")) ?? "auto";
}

export function setTheme(theme: Theme): void {
  writeLocal("theme", theme);
  applyTheme();
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = currentTheme();
}
