import { tally, type ImportTarget, type Run } from "./run.ts";
import type { ConversationSum } from "./source-message-store.ts";
import type { TargetSum } from "./target-message-store.ts";

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
export async function compareSides(run: Run, target: ImportTarget, total: number): Promise<Comparison> {
  const result: Comparison = { same: 0, used: 0, different: 0, differences: [] };
  run.progress.start("comparison", total);
  await target.link.transaction(async () => {
    for await (const [theirs, ours] of sideBySide(run.sourceMessages.sums(), target.messages.sums())) {
      judge(result, theirs, ours);
      const comparable = ours === undefined || ours.untouched;
      if (theirs !== undefined && comparable) {
        tally(run, "messages", theirs.messages, ours?.messages ?? 0);
        if (theirs.group_id !== null) tally(run, "members", 0, ours?.people ?? 0);
      }
      run.progress.advance(1);
    }
  });
  run.progress.finish();
  return result;
}

function judge(result: Comparison, theirs: ConversationSum | undefined, ours: TargetSum | undefined): void {
  if (ours !== undefined && !ours.untouched) {
    result.used += theirs === undefined ? 0 : 1;
    return;
  }
  const fault = difference(theirs, ours);
  if (fault === undefined) {
    result.same += 1;
    return;
  }
  result.different += 1;
  const name = conversationName(theirs ?? ours);
  if (result.differences.length < maxDifferences) result.differences.push(`${name}: ${fault}`);
}

function difference(theirs: ConversationSum | undefined, ours: ConversationSum | undefined): string | undefined {
  if (ours === undefined) return `not here, ${theirs?.messages ?? 0} messages in the source`;
  if (theirs === undefined) return `not in the source, ${ours.messages} messages here`;
  if (theirs.messages !== ours.messages) return `${theirs.messages} messages in the source, ${ours.messages} here`;
  if (theirs.people !== ours.people) return `${theirs.people} people in the source, ${ours.people} here`;
  return theirs.checksum === ours.checksum ? undefined : "the messages differ";
}

function conversationName(sum: ConversationSum | undefined): string {
  if (sum === undefined) return "?";
  return sum.group_id === null ? `users ${sum.lo} and ${sum.hi}` : `group ${sum.group_id}`;
}

/** Joins two streams that are in order; one side of a pair is undefined where only the other has the conversation. */
async function* sideBySide(
  left: AsyncGenerator<ConversationSum>,
  right: AsyncGenerator<TargetSum>,
): AsyncGenerator<[ConversationSum | undefined, TargetSum | undefined]> {
  let theirs = await left.next();
  let ours = await right.next();
  while (theirs.done !== true || ours.done !== true) {
    const order = theirs.done === true ? 1 : ours.done === true ? -1 : byKey(theirs.value, ours.value);
    yield [
      order <= 0 && theirs.done !== true ? theirs.value : undefined,
      order >= 0 && ours.done !== true ? ours.value : undefined,
    ];
    if (order <= 0) theirs = await left.next();
    if (order >= 0) ours = await right.next();
  }
}

function byKey(a: ConversationSum, b: ConversationSum): number {
  return (a.group_id ?? 0) - (b.group_id ?? 0) || (a.lo ?? 0) - (b.lo ?? 0) || (a.hi ?? 0) - (b.hi ?? 0);
}
