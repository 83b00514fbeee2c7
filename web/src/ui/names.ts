import { t } from "../i18n/index.ts";
import { peerOf, type ChatMessage, type Person, type Talk } from "../store/model.ts";
import type { Store } from "../store/store.ts";

export function nameOf(person: Person | undefined): string {
  if (person === undefined) return "…";
  if (/^deleted_\d+$/.test(person.username)) return t("deletedAccount");
  return person.fullName || person.username;
}

/** What a talk is called and looks like: a group by itself, another one by its person. */
export function faceOf(store: Store, talk: Talk): { id: number; name: string; picture: string } {
  const peer = peerOf(talk.id);
  if (peer === undefined)
    return { id: Number(talk.id.slice("group_".length)), name: talk.name || "…", picture: talk.picture };
  const person = store.people.get(peer);
  return { id: peer, name: nameOf(person), picture: person?.picture ?? "" };
}

/** What a message says, in one line. */
export function gist({ text, type }: Pick<ChatMessage, "text" | "type">): string {
  return type === "image" ? t("picture") : type === "file" ? t("file") : text.replaceAll(/\s+/g, " ").slice(0, 200);
}

/** Whether a talk is called so, or its person. */
export function nameFits(store: Store, talk: Talk, text: string): boolean {
  const peer = peerOf(talk.id);
  const person = peer === undefined ? undefined : store.people.get(peer);
  const names = peer === undefined ? [talk.name] : [person?.fullName, person?.username];
  return names.some((name) => name?.toLocaleLowerCase().includes(text.toLocaleLowerCase()));
}
