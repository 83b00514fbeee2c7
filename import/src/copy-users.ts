import { pages } from "./import-connection.ts";
import type { Issues } from "./issues.ts";
import { emailChoices, nameChoices, mapUser } from "./map-user.ts";
import { eachPage } from "./progress.ts";
import { addPage, tally, type ImportTarget, type Run } from "./run.ts";
import { namesInUse, users, type SourceUser } from "./source-store.ts";

/** Users with their names; who is here already stays as it is. */
export async function copyUsers(run: Run, total: number): Promise<void> {
  const { source, target, issues, progress } = run;
  await eachPage(progress, { step: "users", total, pages: pages(source, users) }, async (page) => {
    // Of the names that may be made for users of the page: those that others have on the first server.
    const doubtful = page.filter((user) => user.name_rank > 1 && user.closed_at === null);
    const expected = new Set(await namesInUse(source, namesOf(doubtful)));
    // A dry run takes each page alone: what is taken by an earlier page shows in the ranks.
    const taken = { names: new Set<string>(), emails: new Set<string>(), expected };
    const here =
      target === undefined
        ? page.map((user) => mapUser(user, taken))
        : await addPage(target, "users", page, {
            fetch: target.accounts.usersHere,
            add: (fresh) => addUsers(target, fresh, expected),
          });
    const byId = new Map(here.map((user) => [user.id, user]));
    for (const user of page) addIssues(issues, user, byId.get(user.id));
    tally(run, "users", page.length, target && here.length);
    return page.length;
  });
}

async function addUsers({ accounts }: ImportTarget, fresh: SourceUser[], expected: Set<string>): Promise<void> {
  const names = new Set(await accounts.namesTaken(namesOf(fresh)));
  const emails = new Set(await accounts.emailsTaken(fresh.flatMap(emailChoices)));
  await accounts.addUsers(fresh.map((user) => mapUser(user, { names, emails, expected })));
}

const namesOf = (users: SourceUser[]): string[] => users.flatMap(nameChoices).map((name) => name.toLowerCase());

/** Adds what differs between a user and what became of it, in this run or an earlier one. */
function addIssues(issues: Issues, user: SourceUser, here: { username: string; email: string } | undefined): void {
  if (here === undefined) return;
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
