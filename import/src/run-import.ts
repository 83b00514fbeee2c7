import type pg from "pg";
import { migrate } from "@om/server/platform/postgres/migrate";
import { compareSides, type Comparison } from "./compare.ts";
import { openLink, type Link } from "./link.ts";
import { loadGroups } from "./load-groups.ts";
import { loadMessages, placePositions, surveyMessages } from "./load-messages.ts";
import { loadInvites, loadMembers, loadSessions, loadVersions } from "./load-rest.ts";
import { loadUsers } from "./load-users.ts";
import { createNotes } from "./notes.ts";
import type { Progress } from "./progress.ts";
import { makeReport, type Report } from "./report.ts";
import type { ImportTarget, Run } from "./run.ts";
import { sourceMessageStore } from "./source-message-store.ts";
import { readShape } from "./source-shape.ts";
import { sourceStore } from "./source-store.ts";
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
 * @throws ImportRefused, SchemaError, LinkLost
 */
export async function runImport(options: ImportOptions): Promise<Report> {
  const startedAt = Date.now();
  await using sourceLink = await openLink("source", options.from);
  await sourceLink.script("begin isolation level repeatable read read only");
  const shape = await readShape(sourceLink);
  const source = sourceStore(sourceLink);
  const sourceMessages = sourceMessageStore(sourceLink);
  const fingerprint = await source.fingerprint();
  await using targetLink = options.to === undefined ? undefined : await openTarget(options.to);
  const target = targetLink === undefined ? undefined : await claim(targetLink, fingerprint);
  if (target?.isRepeat) options.progress.say("An earlier run has finished: adding what is new.");
  const notes = createNotes();
  for (const table of shape.missing) notes.add("table_missing", table);
  const run: Run = { shape, source, sourceMessages, target, notes, progress: options.progress, counts: new Map() };
  const comparison = await steps(run, options.pageSize);
  return makeReport(run, comparison, startedAt);
}

/** @returns undefined in a dry run */
async function steps(run: Run, pageSize: number): Promise<Comparison | undefined> {
  const { source, sourceMessages, notes, target } = run;
  const counts = await source.counts();
  const size = await sourceMessages.size();
  await target?.state.raiseSequence("users", counts.last_user);
  await target?.state.raiseSequence("groups", counts.last_group);
  await target?.state.raiseSequence("messages", size.last);
  if (counts.deleted_groups > 0) notes.addMany("group_deleted", counts.deleted_groups, []);
  await loadUsers(run, counts.users);
  await loadGroups(run, counts.groups - counts.deleted_groups);
  await loadInvites(run);
  await loadVersions(run);
  await loadSessions(run);
  const importable = await surveyMessages(run, size.rows);
  if (target === undefined) {
    run.counts.set("messages", { expected: importable, here: null });
    await loadMembers(run, counts.members);
    return undefined;
  }
  await loadMessages(run, target, { total: importable, pageSize });
  await target.state.clearPositions();
  await loadMembers(run, counts.members);
  const conversations = await target.messages.conversationCount();
  await placePositions(run, target, conversations);
  if (target.isRepeat) await target.state.bumpLists();
  const comparison = await compareSides(run, target, conversations);
  await target.state.finish();
  return comparison;
}

/** Looks before it migrates: our tables must not come between those of another program. */
async function openTarget(connection: pg.ClientConfig): Promise<Link> {
  const look = await openLink("target", connection);
  try {
    await refuseForeign(look);
  } finally {
    await look[Symbol.asyncDispose]();
  }
  await migrate(connection);
  const link = await openLink("target", connection);
  // The session of an import that was killed ends soon, even in the middle of a long statement; the embedded database ends with it.
  await link.script("do $$ begin set client_connection_check_interval = '2s'; exception when others then null; end $$");
  // What a crash of the database takes back, it takes back together with the progress.
  await link.script("set synchronous_commit = off");
  return link;
}

async function claim(link: Link, fingerprint: string): Promise<ImportTarget> {
  const state = stateStore(link);
  const isRepeat = await state.claim(fingerprint);
  return { link, state, isRepeat, people: targetStore(link), messages: targetMessageStore(link) };
}
