import { pages, type Paged } from "./import-connection.ts";
import type { Reason } from "./issues.ts";
import { eachPage } from "./progress.ts";
import { tally, type Kind, type Run } from "./run.ts";
import { invites, members, membersWithReads, tokens, versions } from "./source-store.ts";

/** Members go to the staging table: their positions need the messages. */
export async function copyMembers(run: Run, total: number): Promise<void> {
  await copy(run, "members", {
    total,
    rows: run.missing.has("group_read_states") ? members : membersWithReads,
    write: async (members) => (await run.target?.messages.stageMembers(members), undefined),
    example: ({ group_id, user_id }) => `${user_id} in ${group_id}`,
  });
}

export async function copyInvites(run: Run): Promise<void> {
  if (run.missing.has("group_invite_links")) return;
  await copy(run, "invites", {
    rows: invites,
    write: (invites) => run.target?.accounts.addInvites(invites),
    // A token opens the group: it is no text for a report.
    example: ({ group_id }) => `of group ${group_id}`,
  });
}

export async function copyVersions(run: Run): Promise<void> {
  if (run.missing.has("app_versions")) return;
  let highest = 0;
  await copy(run, "versions", {
    rows: versions,
    write: (versions) => {
      highest = Math.max(highest, ...versions.map(({ id }) => id));
      return run.target?.accounts.addVersions(versions);
    },
    example: ({ id, platform, build_number }) => `${id}: ${platform} ${build_number}`,
  });
  await run.target?.state.raiseSequence("app_versions", highest);
}

/** Logins go on with the refresh tokens that they have; what was revoked since an earlier run ends here too. */
export async function copySessions(run: Run): Promise<void> {
  const { source, missing, progress, target } = run;
  if (missing.has("refresh_tokens")) return;
  await eachPage(progress, { step: "sessions", total: 0, pages: pages(source, tokens) }, async (page) => {
    const live = page.filter((token) => token.live);
    tally(run, "sessions", live.length, await target?.accounts.addSessions(live));
    if (target?.isRepeat) {
      await target.accounts.endSessions(page.filter((token) => !token.live).map((token) => token.token_hash));
    }
    return live.length;
  });
}

interface CopyStep<Row> {
  total?: number;
  rows: Paged<Row>;
  /** @returns how many are here now, if that is known yet */
  write(rows: Row[]): Promise<number | undefined> | undefined;
  example(row: Row): string;
}

async function copy<Row extends { issue: Reason | null }>(run: Run, kind: Kind, how: CopyStep<Row>): Promise<void> {
  const { total = 0, rows, write, example } = how;
  await eachPage(run.progress, { step: kind, total, pages: pages(run.source, rows) }, async (page) => {
    for (const row of page) if (row.issue !== null) run.issues.add(row.issue, example(row));
    const good = page.filter(({ issue }) => issue === null);
    tally(run, kind, good.length, await write(good));
    return page.length;
  });
}
