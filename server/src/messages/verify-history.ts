import { errorLine } from "../platform/error-line.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { Signer } from "../platform/signature.ts";
import { coverHistory, sheetOf, sheetText, sumOf } from "./cover-history.ts";
import { sumStore, type Sheet, type SummedMessage } from "./sum-store.ts";

/** What is wrong, and where; `conversation` and `seq` are unknown of a message that is not there. */
export interface HistoryFault {
  what: "changed" | "missing" | "added" | "unreadable" | "signature";
  id: number;
  conversation: number | undefined;
  seq: number | undefined;
  text: string;
}

export interface HistoryVerified {
  /** Messages that were compared. */
  messages: number;
  faults: HistoryFault[];
  /** Messages that were edited, deleted, reacted to or erased since the last time, as the server does; compared from now on. */
  renewed: number;
  /** Messages of the last minute, which have no checksum yet. */
  open: number;
}

const maxFaults = 1_000;
const page = 20;

/**
 * Compares all messages with the checksums that were made when they were a minute old, and makes those that are missing.
 * @param accept whatever is found is taken as right from now on, and signed with the key of this server
 */
export async function verifyHistory(
  db: Database,
  signer: Signer,
  { accept }: { accept: boolean },
): Promise<HistoryVerified> {
  const store = sumStore(db);
  const found: HistoryVerified = { messages: 0, faults: [], renewed: 0, open: 0 };
  let from = 0;
  for (let sheets = await store.sheets(0, page); sheets.length > 0; sheets = await store.sheets(from, page)) {
    for (const sheet of sheets) {
      await verifySheet({ db, signer, accept, found }, sheet, from);
      from = sheet.last_id;
    }
  }
  await coverHistory(db, signer, { all: true });
  found.open = await store.countAfter(await store.lastId());
  return found;
}

interface Run {
  db: Database;
  signer: Signer;
  accept: boolean;
  found: HistoryVerified;
}

async function verifySheet({ db, signer, accept, found }: Run, sheet: Sheet & { last_id: number }, from: number) {
  const store = sumStore(db);
  let messages: SummedMessage[];
  try {
    messages = await store.range(from, sheet.last_id);
  } catch (error) {
    const text = `messages ${sheet.ids[0]} to ${sheet.last_id} cannot be read: ${errorLine(error)}`;
    found.faults.push({ what: "unreadable", id: sheet.last_id, conversation: undefined, seq: undefined, text });
    return;
  }
  const { faults, renewed } = compare(sheet, messages);
  const isOurs = signer.isOurs(sheetText(sheet), sheet.signature);
  if (!isOurs)
    faults.unshift({
      what: "signature",
      id: sheet.last_id,
      conversation: undefined,
      seq: undefined,
      text: `the checksums of messages ${sheet.ids[0]} to ${sheet.last_id} are signed by no key that this server knows`,
    });
  found.messages += messages.length;
  found.renewed += renewed;
  found.faults.push(...faults.slice(0, maxFaults - found.faults.length));
  // Also what is signed with the key before this one.
  const isOld = renewed > 0 || signer.sign(sheetText(sheet)) !== sheet.signature;
  if (!(faults.length === 0 ? isOld : accept)) return;
  await (messages.at(-1)?.id === sheet.last_id ? store.write(sheetOf(messages, signer)) : store.remove(sheet.last_id));
}

function compare(sheet: Sheet, messages: readonly SummedMessage[]): { faults: HistoryFault[]; renewed: number } {
  const faults: HistoryFault[] = [];
  const byId = new Map(messages.map((message) => [message.id, message]));
  let renewed = 0;
  const add = (what: HistoryFault["what"], { id, conversation_id: conversation, seq }: SummedMessage, text: string) =>
    void faults.push({
      what,
      id,
      conversation,
      seq,
      text: `message ${id} (seq ${seq} of conversation ${conversation}) ${text}`,
    });
  for (const [at, id] of sheet.ids.entries()) {
    const message = byId.get(id);
    byId.delete(id);
    const isSummed = message !== undefined && sheet.sums.slice(at * 16, at * 16 + 16) === sumOf(message);
    if (message === undefined)
      faults.push({ what: "missing", id, conversation: undefined, seq: undefined, text: `message ${id} is missing` });
    else if (!isSummed && (message.erased || isLater(message, sheet.vers[at]))) renewed += 1;
    else if (!isSummed) add("changed", message, "was changed, and not by this server");
  }
  for (const message of byId.values()) add("added", message, "was not there when its neighbours got their checksums");
  return { faults, renewed };
}

/** It was changed by an edit, a deletion or a reaction, which number it anew. */
const isLater = ({ ver, newest_ver: newest }: SummedMessage, summed = 0): boolean => ver > summed && ver <= newest;
