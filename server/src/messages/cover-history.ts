import { createHash } from "node:crypto";
import type { Database } from "../platform/postgres/database.ts";
import type { Signer } from "../platform/signature.ts";
import { sheetSize, sumStore, type Sheet, type SummedMessage } from "./sum-store.ts";

/** Sheets that one run makes: it keeps up with 400 messages a second, and takes what more there were in quieter hours. */
const sheetsOfARun = 4;

export const sumOf = ({ text }: SummedMessage): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

export const sheetText = ({ ids, vers, sums }: Omit<Sheet, "signature">): string => JSON.stringify([ids, vers, sums]);

export function sheetOf(messages: readonly SummedMessage[], signer: Signer): Sheet {
  const ids = messages.map(({ id }) => id);
  const vers = messages.map(({ ver }) => ver);
  const sheet = { ids, vers, sums: messages.map(sumOf).join("") };
  return { ...sheet, signature: signer.sign(sheetText(sheet)) };
}

/**
 * Makes checksums of messages that are at least a minute old, so that no sender waits for it: of full sheets, and of what has waited for an
 * hour. One node does it at a time.
 * @param all also what has not waited, and however many there are
 */
export async function coverHistory(db: Database, signer: Signer, { all = false } = {}): Promise<void> {
  for (let made = 0; all || made < sheetsOfARun; made += 1) if (!(await coverNext(db, signer, all))) return;
}

/** @returns false: there is nothing more to do */
const coverNext = (db: Database, signer: Signer, all: boolean): Promise<boolean> =>
  db.transaction(async (queries) => {
    const store = sumStore(queries);
    if (!(await store.isAlone())) return false;
    const found = await store.following(await store.lastId());
    const open = found.findIndex(({ settled }) => !settled);
    const messages = open === -1 ? found : found.slice(0, open);
    if (messages.length === 0 || (messages.length < sheetSize && !all && messages[0]?.due !== true)) return false;
    await store.write(sheetOf(messages, signer));
    return messages.length === sheetSize;
  });
