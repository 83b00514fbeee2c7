import { locale, t } from "./index.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making one is slow, so each is made once; Persian has its own calendar by itself. */
function format(at: number, options: Intl.DateTimeFormatOptions): string {
  const key = `${locale.language} ${JSON.stringify(options)}`;
  // Whoever reads English in London has other dates than in New York.
  const tag = navigator.languages.find((one) => one.split("-")[0] === locale.language) ?? locale.language;
  const made = formats.get(key) ?? new Intl.DateTimeFormat(tag, options);
  formats.set(key, made);
  return made.format(at);
}

const dayMs = 24 * 3_600_000;

/** A number per calendar day of this place. */
export function dayOf(at: number): number {
  const date = new Date(at);
  return Math.floor((at - date.getTimezoneOffset() * 60_000) / dayMs);
}

export function timeOfDay(at: number): string {
  return format(at, { hour: "numeric", minute: "2-digit" });
}

export function dayName(at: number, now = Date.now()): string {
  const days = dayOf(now) - dayOf(at);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const isNear = days > 0 && days < 300;
  return format(at, { weekday: "long", day: "numeric", month: "long", ...(isNear ? {} : { year: "numeric" }) });
}

/** As short as it can be understood. */
export function shortTime(at: number, now = Date.now()): string {
  const days = dayOf(now) - dayOf(at);
  if (days <= 0) return timeOfDay(at);
  if (days < 7) return format(at, { weekday: "short" });
  return format(at, { day: "numeric", month: "short", ...(days < 300 ? {} : { year: "numeric" }) });
}

export function fullTime(at: number): string {
  return format(at, { dateStyle: "full", timeStyle: "short" });
}
