import { pages } from "./import-connection.ts";
import { eachPage } from "./progress.ts";
import { tally, type ImportTarget, type Run } from "./run.ts";
import { sourceSums, type ConversationSum } from "./source-message-store.ts";
import { targetSums, type TargetSum } from "./target-message-store.ts";

/** What the comparison of both sides found. */
export interface Comparison {
  /** Conversations that are the same on both sides. */
  same: number;
  /** Conversations that somebody has used here since the last import: nothing can be said about them. */
  used: number;
  different: number;
  /** The first of them, with what differs. */
  differences: string[];
}

const maxDifferences = 1_000;

/** Walks both sides in the same order: every imported conversation must have the same messages and people. */
export async function compareSides(run: Run, { connection }: ImportTarget, total: number): Promise<Comparison> {
  const result: Comparison = { same: 0, used: 0, different: 0, differences: [] };
  const pairs = sideBySide(pages(run.source, sourceSums), pages(connection, targetSums));
  await connection.transaction(() =>
    eachPage(run.progress, { step: "comparison", total, pages: pairs }, ([source, target]) => {
      compare(result, source, target);
      const comparable = target === undefined || target.untouched;
      if (source !== undefined && comparable) {
        tally(run, "messages", source.messages, target?.messages ?? 0);
        if (source.group_id !== null) tally(run, "members", 0, target?.people ?? 0);
      }
      return 1;
    }),
  );
  return result;
}

function compare(result: Comparison, source: ConversationSum | undefined, target: TargetSum | undefined): void {
  if (target !== undefined && !target.untouched) {
    result.used += source === undefined ? 0 : 1;
    return;
  }
  const fault = difference(source, target);
  if (fault === undefined) {
    result.same += 1;
    return;
  }
  result.different += 1;
  const name = conversationName(source ?? target);
  if (result.differences.length < maxDifferences) result.differences.push(`${name}: ${fault}`);
}

function difference(source: ConversationSum | undefined, target: ConversationSum | undefined): string | undefined {
  if (target === undefined) return `not here, ${source?.messages ?? 0} messages in the source`;
  if (source === undefined) return `not in the source, ${target.messages} messages here`;
  if (source.messages !== target.messages) return `${source.messages} messages in the source, ${target.messages} here`;
  if (source.people !== target.people) return `${source.people} people in the source, ${target.people} here`;
  return source.checksum === target.checksum ? undefined : "the messages differ";
}

function conversationName(sum: ConversationSum | undefined): string {
  if (sum === undefined) return "?";
  return sum.group_id === null ? `users ${sum.lo} and ${sum.hi}` : `group ${sum.group_id}`;
}

/** Joins two streams that are in order; one side of a pair is undefined where only the other has the conversation. */
async function* sideBySide(
  sourcePages: AsyncIterable<ConversationSum[]>,
  targetPages: AsyncIterable<TargetSum[]>,
): AsyncGenerator<[ConversationSum | undefined, TargetSum | undefined]> {
  const [left, right] = [rowsOf(sourcePages), rowsOf(targetPages)];
  let source = await left.next();
  let target = await right.next();
  while (source.done !== true || target.done !== true) {
    const order = source.done === true ? 1 : target.done === true ? -1 : byKey(source.value, target.value);
    yield [
      order <= 0 && source.done !== true ? source.value : undefined,
      order >= 0 && target.done !== true ? target.value : undefined,
    ];
    if (order <= 0) source = await left.next();
    if (order >= 0) target = await right.next();
  }
}

async function* rowsOf<Row>(pages: AsyncIterable<Row[]>): AsyncGenerator<Row> {
  for await (const page of pages) yield* page;
}

function byKey(a: ConversationSum, b: ConversationSum): number {
  return (a.group_id ?? 0) - (b.group_id ?? 0) || (a.lo ?? 0) - (b.lo ?? 0) || (a.hi ?? 0) - (b.hi ?? 0);
}
