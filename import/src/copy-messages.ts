import { isReason } from "./issues.ts";
import type { ImportTarget, Run } from "./run.ts";

/** Counts the messages of the source and what is odd about them. */
export async function surveyMessages(run: Run, total: number): Promise<number> {
  run.progress.start("survey", total);
  let importable = 0;
  for await (const { rows, found } of run.sourceMessages.survey()) {
    for (const { label, count, ids } of found) {
      if (isReason(label)) run.issues.addMany(label, count, ids);
      else importable += count;
    }
    run.progress.advance(rows);
  }
  run.progress.finish();
  return importable;
}

/** A run looks back over so many ids: a message may have been committed after one with a higher id that an earlier run took. */
const lookBack = 10_000;

/** Messages in order of id, page by page, each page in one transaction with the progress; the next is read meanwhile. */
export async function copyMessages(
  run: Run,
  { connection, state, messages }: ImportTarget,
  how: { total: number; pageSize: number },
): Promise<void> {
  const { sourceMessages, issues, progress } = run;
  progress.start("messages", how.total);
  await state.planByIndex();
  const start = await state.position("messages");
  let position = Math.max(0, start - lookBack);
  let next = sourceMessages.page(position, how.pageSize);
  for (;;) {
    const page = await next;
    if (page === null) break;
    position = page.last;
    next = sourceMessages.page(position, how.pageSize);
    // Its failure is met by the next turn.
    next.catch(() => undefined);
    const { last } = page;
    const outcomes = await connection.transaction(async () => {
      const added = await messages.add(page.messages, start > 0);
      await state.advance("messages", last);
      return added;
    });
    for (const { outcome, count, ids } of outcomes) if (isReason(outcome)) issues.addMany(outcome, count, ids);
    progress.advance(page.messages.length);
  }
  await state.planFreely();
  progress.finish();
}

/** Conversations of one transaction. */
const positionsPerPage = 1_000;

/** Who has read and received what, and who is a member; of conversations that nobody else has used. */
export async function copyPositions(
  run: Run,
  { state, messages, connection }: ImportTarget,
  conversations: number,
): Promise<void> {
  run.progress.start("read marks", 0);
  for await (const { found } of run.sourceMessages.directPositions()) {
    await messages.stagePositions(found);
    run.progress.advance(found.length);
  }
  if (run.schema.has("pending_messages")) {
    for await (const { found } of run.sourceMessages.queued()) await messages.stagePositions(found);
  }
  run.progress.finish();
  await state.analyze();
  run.progress.start("positions", conversations);
  await state.planByRange();
  let after = 0;
  for (;;) {
    const range = await messages.nextRange(after, positionsPerPage);
    if (range === null) break;
    const { last } = range;
    await connection.transaction(() => messages.place(after, last));
    after = last;
    run.progress.advance(range.count);
  }
  await state.planFreely();
  run.progress.finish();
}
