import { spans } from "./import-connection.ts";
import { isReason } from "./issues.ts";
import { eachPage } from "./progress.ts";
import type { ImportTarget, Run } from "./run.ts";
import {
  directPositions,
  messagePage,
  messageSpan,
  queued,
  queueSpan,
  spanRows,
  survey,
} from "./source-message-store.ts";
import { conversationSpan } from "./target-message-store.ts";

/** Counts the messages of the source and what is odd about them. */
export async function surveyMessages({ source, progress, issues }: Run, total: number): Promise<number> {
  let importable = 0;
  const pages = spans(source, messageSpan, spanRows);
  await eachPage(progress, { step: "survey", total, pages }, async ({ after, last, rows }) => {
    for (const { label, count, ids } of await source.query(survey, [after, last])) {
      if (isReason(label)) issues.addMany(label, count, ids);
      else importable += count;
    }
    return rows;
  });
  return importable;
}

/** A run looks back over so many ids: a message may have been committed after one with a higher id that an earlier run took. */
const lookBack = 10_000;

/** Messages in order of id, page by page, each page in one transaction with the progress; the next is read meanwhile. */
export async function copyMessages(
  { source, issues, progress }: Run,
  { connection, state, messages }: ImportTarget,
  how: { total: number; pageSize: number },
): Promise<void> {
  progress.start("messages", how.total);
  await state.planByIndex();
  const start = await state.position("messages");
  let next = messagePage(source, Math.max(0, start - lookBack), how.pageSize);
  for (let page = await next; page !== null; page = await next) {
    const { last, messages: found } = page;
    next = messagePage(source, last, how.pageSize);
    // Its failure is met by the next turn.
    next.catch(() => undefined);
    const outcomes = await connection.transaction(async () => {
      const added = await messages.add(found, start > 0);
      await state.advance("messages", last);
      return added;
    });
    for (const { outcome, count, ids } of outcomes) if (isReason(outcome)) issues.addMany(outcome, count, ids);
    progress.advance(found.length);
  }
  await state.planFreely();
  progress.finish();
}

/** Conversations of one transaction. */
const positionsPerPage = 1_000;

/** Who has read and received what, and who is a member; of conversations that nobody else has used. */
export async function copyPositions(run: Run, target: ImportTarget, conversations: number): Promise<void> {
  const { source, progress } = run;
  const { state, messages, connection } = target;
  const marks = { step: "read marks", total: 0, pages: spans(source, messageSpan, spanRows) };
  await eachPage(progress, marks, async ({ after, last }) => {
    const positions = await source.query(directPositions, [after, last]);
    await messages.stagePositions(positions);
    return positions.length;
  });
  if (!run.missing.has("pending_messages")) {
    for await (const { after, last } of spans(source, queueSpan, spanRows)) {
      await messages.stagePositions(await source.query(queued, [after, last]));
    }
  }
  await state.analyze();
  await state.planByRange();
  const ranges = spans(connection, conversationSpan, positionsPerPage);
  await eachPage(
    progress,
    { step: "positions", total: conversations, pages: ranges },
    async ({ after, last, rows }) => {
      await connection.transaction(() => messages.writePositions(after, last));
      return rows;
    },
  );
  await state.planFreely();
}

/** Makes all messages searchable, which a server would do beside its work. */
export async function indexMessages({ progress }: Run, { messages }: ImportTarget, total: number): Promise<void> {
  progress.start("search index", total);
  await messages.indexAnew();
  for (let count = await messages.indexMessages(spanRows); count > 0; count = await messages.indexMessages(spanRows)) {
    progress.advance(count);
  }
  progress.finish();
}
