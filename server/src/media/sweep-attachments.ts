import type { Clock } from "../platform/clock.ts";
import type { MediaDeps } from "./avatars.ts";

/** Attachments that are looked at together. */
const batch = 100;
/** After so many ms the rest waits for the next time: whoever stops the server waits for the batch that is under way. */
const sweepTimeoutMs = 2_000;

/**
 * Removes attachments that are older than a day and that no message names: never sent, or deleted since. What is sent at that very
 * moment may name an attachment that is gone.
 */
export async function sweepAttachments({
  storage,
  attachments,
  now,
  monotonic,
}: Pick<MediaDeps, "storage" | "attachments" | "now"> & { monotonic: Clock }): Promise<void> {
  const started = monotonic();
  while (monotonic() - started < sweepTimeoutMs) {
    const due = await attachments.due(new Date(now()), batch);
    const keys = (isReferenced: boolean): string[] =>
      due.filter((one) => one.isReferenced === isReferenced).map(({ key }) => key);
    await attachments.postpone(keys(true), new Date(now()));
    for (const key of keys(false)) await storage.delete(key);
    await attachments.forget(keys(false));
    if (due.length < batch) return;
  }
}
