import type pg from "pg";
import { migrate } from "@om/server/platform/postgres/migrate";
import { compareSides, type Comparison } from "./compare.ts";
import { openConnection, type ImportConnection } from "./import-connection.ts";
import { copyGroups } from "./copy-groups.ts";
import { copyMessages, copyPositions, indexMessages, surveyMessages } from "./copy-messages.ts";
import { copyInvites, copyMembers, copySessions, copyVersions } from "./copy-rest.ts";
import { copyUsers } from "./copy-users.ts";
import { createIssues } from "./issues.ts";
import type { Progress } from "./progress.ts";
import { makeReport, type Report } from "./report.ts";
import type { ImportTarget, Run } from "./run.ts";
import { messageSize } from "./source-message-store.ts";
import { missingTables } from "./source-schema.ts";
import { sourceCounts, sourceFingerprint } from "./source-store.ts";
import { refuseForeign, stateStore } from "./state-store.ts";
import { targetMessageStore } from "./target-message-store.ts";
import { targetStore } from "./target-store.ts";

export interface ImportOptions {
  from: pg.ClientConfig;
  /** Undefined: a dry run. */
  to: pg.ClientConfig | undefined;
  /** Messages of one transaction. */
  pageSize: number;
  progress: Progress;
}

/**
 * Brings everything of the first server's database here. It can be cut off at any point and run again; over the same source again it
 * adds what is new.
 * @throws ImportRefused, SchemaError, ConnectionLost
 */
export async function runImport(options: ImportOptions): Promise<Report> {
  const startedAt = performance.now();
  await using source = await openConnection("source", options.from);
  await source.script("begin isolation level repeatable read read only");
  const missing = await missingTables(source);
  const fingerprint = await sourceFingerprint(source);
  await using connection = options.to === undefined ? undefined : await openTarget(options.to);
  const target = connection === undefined ? undefined : await claimTarget(connection, fingerprint);
  if (target?.isRepeat) options.progress.say("An earlier run has finished: adding what is new.");
  const issues = createIssues();
  for (const table of missing) issues.add("table_missing", table);
  const run: Run = { source, missing, target, issues, progress: options.progress, counts: new Map() };
  const comparison = await steps(run, options.pageSize);
  return makeReport(run, comparison, startedAt);
}

/** @returns undefined in a dry run */
async function steps(run: Run, pageSize: number): Promise<Comparison | undefined> {
  const { source, issues, target } = run;
  const counts = await sourceCounts(source);
  const size = await messageSize(source);
  await target?.state.raiseSequence("users", counts.last_user);
  await target?.state.raiseSequence("groups", counts.last_group);
  await target?.state.raiseSequence("messages", size.last);
  if (counts.deleted_groups > 0) issues.addMany("group_deleted", counts.deleted_groups, []);
  await copyUsers(run, counts.users);
  await copyGroups(run, counts.groups - counts.deleted_groups);
  await copyInvites(run);
  await copyVersions(run);
  await copySessions(run);
  const importable = await surveyMessages(run, size.rows);
  if (target === undefined) {
    run.counts.set("messages", { expected: importable, here: null });
    await copyMembers(run, counts.members);
    return undefined;
  }
  await copyMessages(run, target, { total: importable, pageSize });
  await target.state.clearPositions();
  await copyMembers(run, counts.members);
  const conversations = await target.messages.conversationCount();
  await copyPositions(run, target, conversations);
  await indexMessages(run, target, importable);
  if (target.isRepeat) await target.state.bumpLists();
  const comparison = await compareSides(run, target, conversations);
  await target.state.finish();
  return comparison;
}

/** Looks before it migrates: our tables must not come between those of another program. */
async function openTarget(config: pg.ClientConfig): Promise<ImportConnection> {
  const look = await openConnection("target", config);
  try {
    await refuseForeign(look);
  } finally {
    await look[Symbol.asyncDispose]();
  }
  await migrate(config);
  const connection = await openConnection("target", config);
  // The session of an import that was killed ends soon, even in the middle of a long statement; the embedded database ends with it.
  await connection.script(
    "do $$ begin set client_connection_check_interval = '2s'; exception when others then null; end $$",
  );
  // What a crash of the database takes back, it takes back together with the progress.
  await connection.script("set synchronous_commit = off");
  return connection;
}

async function claimTarget(connection: ImportConnection, fingerprint: string): Promise<ImportTarget> {
  const state = stateStore(connection);
  const isRepeat = await state.claim(fingerprint);
  return { connection, state, isRepeat, accounts: targetStore(connection), messages: targetMessageStore(connection) };
}
