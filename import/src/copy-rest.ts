import type { Reason } from "./issues.ts";
import { tally, type Kind, type Run } from "./run.ts";

/** Members go to the staging table: their positions need the messages. */
export async function copyMembers(run: Run, total: number): Promise<void> {
  const { source, schema, target } = run;
  await copy(run, "members", {
    total,
    pages: source.members(schema.has("group_read_states")),
    write: async (members) => (await target?.messages.stageMembers(members), undefined),
    example: ({ group_id, user_id }) => `${user_id} in ${group_id}`,
  });
}

export async function copyInvites(run: Run): Promise<void> {
  if (!run.schema.has("group_invite_links")) return;
  await copy(run, "invites", {
    pages: run.source.invites(),
    write: (invites) => run.target?.accounts.addInvites(invites),
    // A token opens the group: it is no text for a report.
    example: ({ group_id }) => `of group ${group_id}`,
  });
}

export async function copyVersions(run: Run): Promise<void> {
  if (!run.schema.has("app_versions")) return;
  let highest = 0;
  await copy(run, "versions", {
    pages: run.source.versions(),
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
  const { source, schema, target } = run;
  if (!schema.has("refresh_tokens")) return;
  run.progress.start("sessions", 0);
  for await (const page of source.tokens()) {
    const live = page.filter((token) => token.live);
    tally(run, "sessions", live.length, await target?.accounts.addSessions(live));
    if (target?.isRepeat) {
      await target.accounts.endSessions(page.filter((token) => !token.live).map((token) => token.token_hash));
    }
    run.progress.advance(live.length);
  }
  run.progress.finish();
}

interface CopyStep<Row> {
  total?: number;
  pages: AsyncGenerator<Row[]>;
  /** @returns how many are here now, if that is known yet */
  write(rows: Row[]): Promise<number | undefined> | undefined;
  example(row: Row): string;
}

async function copy<Row extends { issue: Reason | null }>(run: Run, kind: Kind, how: CopyStep<Row>): Promise<void> {
  run.progress.start(kind, how.total ?? 0);
  for await (const page of how.pages) {
    for (const row of page) if (row.issue !== null) run.issues.add(row.issue, how.example(row));
    const good = page.filter(({ issue }) => issue === null);
    tally(run, kind, good.length, await how.write(good));
    run.progress.advance(page.length);
  }
  run.progress.finish();
}
