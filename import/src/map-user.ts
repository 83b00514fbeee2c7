import { cleanName } from "@om/server/platform/visible-text";
import type { SourceUser } from "./source-store.ts";
import type { MappedUser } from "./target-store.ts";

/** Longest username, in characters. */
const nameLength = 32;

/** Usernames that a user may get, best first; the first only if nobody with a lower id claims it. */
export function nameChoices(user: SourceUser): string[] {
  const withTail = (tail: string): string => user.username.slice(0, nameLength - tail.length) + tail;
  const own = [withTail(`_${user.id}`), withTail(`_${user.id}_om`), `user_${user.id}`, `user_${user.id}_om`];
  return user.name_rank === 1 ? [user.username, ...own] : own;
}

/** E-mails that a user may get, best first: the address, the text as it was, a form that nobody else has. */
export function emailChoices(user: SourceUser): string[] {
  const address = user.address.toLowerCase();
  const whole = user.email.trim().toLowerCase();
  const own = whole === address ? [] : [whole];
  return [...(user.address_rank === 1 ? [address] : []), ...own, `${address}#${user.id}`];
}

/** Names and e-mails, in lower case. */
export interface Taken {
  /** Owned by somebody here. */
  names: Set<string>;
  emails: Set<string>;
  /** Owned by somebody on the first server, who will come here with it. */
  expected: Set<string>;
}

/** The user as it is stored here, and enters its name and e-mail into `taken`. */
export function mapUser(user: SourceUser, taken: Taken): MappedUser {
  const { id, closed_at: deleted_at } = user;
  if (deleted_at !== null) {
    // As when it is closed here.
    const names = { username: `deleted_${id}`, email: `deleted_${id}@invalid`, name: null };
    return { ...user, ...names, deleted_at, full_name: "", avatar: "", last_seen: null, password_hash: "-" };
  }
  const names = nameChoices(user).filter((name) => name === user.username || !taken.expected.has(name.toLowerCase()));
  const username = takeName(names, taken.names);
  const email = takeName(emailChoices(user), taken.emails).toLowerCase();
  return { ...user, deleted_at, username, name: username.toLowerCase(), email, full_name: cleanName(user.full_name) };
}

function takeName(choices: readonly string[], taken: Set<string>): string {
  const choice = choices.find((one) => !taken.has(one.toLowerCase()));
  if (choice === undefined) throw new Error(`no free form among ${choices.join(", ")}`);
  taken.add(choice.toLowerCase());
  return choice;
}
