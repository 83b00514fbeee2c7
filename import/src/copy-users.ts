import type { Issues } from "./issues.ts";
import { emailChoices, nameChoices, mapUser, type Taken } from "./map-user.ts";
import { tally, type ImportTarget, type Run } from "./run.ts";
import type { SourceUser } from "./source-store.ts";

/** Users with their names; who is here already stays as it is. */
export async function copyUsers(run: Run, total: number): Promise<void> {
  const { source, target, issues, progress } = run;
  progress.start("users", total);
  const dryTaken: Taken = { names: new Set(), emails: new Set(), expected: new Set() };
  for await (const page of source.users()) {
    const expected = await expectedNames(run, page);
    if (target === undefined) {
      // Each page alone: what is taken by an earlier page shows in the ranks.
      const taken = { ...dryTaken, names: new Set<string>(), emails: new Set<string>(), expected };
      for (const user of page) addIssues(issues, user, mapUser(user, taken));
      tally(run, "users", page.length, undefined);
    } else {
      tally(run, "users", page.length, await copyPage(target, issues, { page, expected }));
    }
    progress.advance(page.length);
  }
  progress.finish();
}

/** @returns how many of the page are here now */
async function copyPage(
  { connection, state, accounts }: ImportTarget,
  issues: Issues,
  { page, expected }: { page: SourceUser[]; expected: Set<string> },
): Promise<number> {
  const ids = page.map(({ id }) => id);
  const before = new Set((await accounts.usersHere(ids)).map(({ id }) => id));
  await state.requireOwn("users", ids, before);
  const fresh = page.filter(({ id }) => !before.has(id));
  const taken = {
    names: new Set(await accounts.namesTaken(fresh.flatMap(nameChoices).map((name) => name.toLowerCase()))),
    emails: new Set(await accounts.emailsTaken(fresh.flatMap((user) => emailChoices(user)))),
    expected,
  };
  const mapped = fresh.map((user) => mapUser(user, taken));
  await connection.transaction(async () => {
    await accounts.addUsers(mapped);
    await state.advance("users", Math.max(0, ...ids));
  });
  const after = new Map((await accounts.usersHere(ids)).map((user) => [user.id, user]));
  for (const user of page) {
    const here = after.get(user.id);
    if (here !== undefined) addIssues(issues, user, here);
  }
  return after.size;
}

/** Of the names that may be made for users of the page: those that others have on the first server. */
async function expectedNames({ source }: Run, page: SourceUser[]): Promise<Set<string>> {
  const doubtful = page.filter((user) => user.name_rank > 1 && user.closed_at === null);
  return new Set(await source.namesInUse(doubtful.flatMap(nameChoices).map((name) => name.toLowerCase())));
}

/** Adds what differs between a user and what became of it, in this run or an earlier one. */
function addIssues(issues: Issues, user: SourceUser, here: { username: string; email: string }): void {
  if (user.closed_at !== null) return issues.add("user_closed", user.id);
  if (here.username !== user.username && nameChoices(user).includes(here.username)) {
    issues.add("user_renamed", `${user.id}: ${user.username} → ${here.username}`);
  }
  const whole = user.email.trim().toLowerCase();
  const address = user.address.toLowerCase();
  if (whole !== address && here.email === address) issues.add("user_email_unwrapped", user.id);
  else if (here.email === `${address}#${user.id}` || (whole !== address && here.email === whole)) {
    issues.add("user_email_kept", user.id);
  }
}
