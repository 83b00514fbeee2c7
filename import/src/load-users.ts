import type { Notes } from "./notes.ts";
import { emailChoices, nameChoices, placeUser, type Taken } from "./place-user.ts";
import { ImportRefused } from "./refusal.ts";
import { tally, type ImportTarget, type Run } from "./run.ts";
import type { SourceUser } from "./source-store.ts";

/** Users with their names; who is here already stays as it is. */
export async function loadUsers(run: Run, total: number): Promise<void> {
  const { source, target, notes, progress } = run;
  progress.start("users", total);
  const dryTaken: Taken = { names: new Set(), emails: new Set(), expected: new Set() };
  for await (const page of source.users()) {
    const expected = await expectedNames(run, page);
    if (target === undefined) {
      // Each page alone: what is taken by an earlier page shows in the ranks.
      const taken = { ...dryTaken, names: new Set<string>(), emails: new Set<string>(), expected };
      for (const user of page) note(notes, user, placeUser(user, taken));
      tally(run, "users", page.length, undefined);
    } else {
      tally(run, "users", page.length, await loadPage(target, notes, { page, expected }));
    }
    progress.advance(page.length);
  }
  progress.finish();
}

/** @returns how many of the page are here now */
async function loadPage(
  { link, state, people }: ImportTarget,
  notes: Notes,
  { page, expected }: { page: SourceUser[]; expected: Set<string> },
): Promise<number> {
  const ids = page.map(({ id }) => id);
  const mark = await state.position("users");
  const before = new Set((await people.usersHere(ids)).map(({ id }) => id));
  const foreign = ids.find((id) => id > mark && before.has(id));
  if (foreign !== undefined) {
    throw new ImportRefused(
      `user ${foreign} of the source came after the last import, and its id was given to somebody here`,
    );
  }
  const fresh = page.filter(({ id }) => !before.has(id));
  const taken = {
    names: new Set(await people.namesTaken(fresh.flatMap(nameChoices).map((name) => name.toLowerCase()))),
    emails: new Set(await people.emailsTaken(fresh.flatMap((user) => emailChoices(user)))),
    expected,
  };
  const placed = fresh.map((user) => placeUser(user, taken));
  await link.transaction(async () => {
    await people.addUsers(placed);
    await state.advance("users", Math.max(mark, ...ids));
  });
  const after = new Map((await people.usersHere(ids)).map((user) => [user.id, user]));
  for (const user of page) {
    const here = after.get(user.id);
    if (here !== undefined) note(notes, user, here);
  }
  return after.size;
}

/** Of the names that may be made for users of the page: those that others have on the first server. */
async function expectedNames({ source }: Run, page: SourceUser[]): Promise<Set<string>> {
  const doubtful = page.filter((user) => user.name_rank > 1 && user.closed_at === null);
  return new Set(await source.namesInUse(doubtful.flatMap(nameChoices).map((name) => name.toLowerCase())));
}

/** Tells what differs between a user and what became of it, in this run or an earlier one. */
function note(notes: Notes, user: SourceUser, here: { username: string; email: string }): void {
  if (user.closed_at !== null) return notes.add("user_closed", user.id);
  if (here.username !== user.username && nameChoices(user).includes(here.username)) {
    notes.add("user_renamed", `${user.id}: ${user.username} → ${here.username}`);
  }
  const whole = user.email.trim().toLowerCase();
  const address = user.address.toLowerCase();
  if (whole !== address && here.email === address) notes.add("user_email_unwrapped", user.id);
  else if (here.email === `${address}#${user.id}` || (whole !== address && here.email === whole)) {
    notes.add("user_email_kept", user.id);
  }
}
