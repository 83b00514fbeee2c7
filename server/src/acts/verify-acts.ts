import type { Queries } from "../platform/postgres/database.ts";
import type { Signer } from "../platform/signature.ts";
import { actStore, type ChainedAct, type Link } from "./act-store.ts";
import { actsPage, firstLink, hashOf, sealText } from "./chain-acts.ts";

/** What is wrong, and with which act. `nr`: its number, of missing ones the first. */
export interface ActFault {
  nr: number;
  what: "changed" | "missing" | "reordered" | "unsealed";
  text: string;
}

export interface ActsVerified {
  acts: number;
  faults: ActFault[];
  /** The newest seal of this server's key; undefined: none. */
  sealed: { nr: number; at: string } | undefined;
  /** The newest act: worth noting where the database cannot write. */
  head: Link;
}

const maxFaults = 100;
const maxSeals = 10_000;
/** A server that runs seals once a day. */
const maxUnsealedMs = 2 * 24 * 3_600_000;

/**
 * Reads the whole audit log again. @param noted which act was the newest once, as its operator has kept it elsewhere
 */
export async function verifyActs(db: Queries, signer: Signer, noted: readonly Link[]): Promise<ActsVerified> {
  const store = actStore(db);
  const seals = await store.seals(maxSeals);
  const ours = seals.filter((seal) => signer.isOurs(sealText(seal), seal.signature));
  const expected = new Map([...ours, ...noted].map(({ nr, hash }) => [nr, hash]));
  const faults: ActFault[] = [];
  const found = (nr: number, what: ActFault["what"], text: string): void => {
    if (faults.length < maxFaults) faults.push({ nr, what, text: `act ${nr} ${text}` });
  };
  const [newest] = ours;
  let last = firstLink;
  let open: ChainedAct | undefined;
  for (let page = await store.chained(0, actsPage); page.length > 0; page = await store.chained(last.nr, actsPage)) {
    for (const act of page) {
      if (act.nr !== last.nr + 1) found(last.nr + 1, "missing", `${upTo(last.nr + 1, act.nr - 1)}missing`);
      const fault = await faultOf(act, last, store);
      if (fault !== undefined) found(fault.nr, fault.what, fault.text);
      else if ((expected.get(act.nr) ?? act.hash) !== act.hash)
        found(act.nr, "changed", "or one before it is another than when it was sealed");
      if (act.nr > (newest?.nr ?? 0)) open ??= act;
      last = act;
    }
  }
  for (const nr of expected.keys())
    if (nr > last.nr) found(last.nr + 1, "missing", `to ${nr} were sealed and are missing`);
  if (open !== undefined && Date.parse(`${open.at}Z`) < Date.parse((await store.due()).now) - maxUnsealedMs)
    found(open.nr, "unsealed", "and later ones are days old and sealed by no key that this server knows");
  return {
    acts: last.nr,
    faults,
    sealed: newest && { nr: newest.nr, at: newest.sealed_at },
    head: { nr: last.nr, hash: last.hash },
  };
}

async function faultOf(
  act: ChainedAct,
  last: Link,
  { numberOf }: ReturnType<typeof actStore>,
): Promise<ActFault | undefined> {
  const { nr } = act;
  if (hashOf(act.before, act) !== act.hash)
    return {
      nr,
      what: "changed",
      text: `(${act.act} by ${act.actor_id ?? "whoever has the server"} at ${act.at}Z) was changed`,
    };
  if (act.before === last.hash || nr !== last.nr + 1) return undefined;
  const before = await numberOf(act.before);
  if (before !== undefined)
    return { nr, what: "reordered", text: `follows act ${before}, not ${last.nr}: they were reordered` };
  return { nr: last.nr, what: "changed", text: `was replaced, or one after it is missing` };
}

const upTo = (from: number, to: number): string => (to > from ? `to ${to} are ` : "is ");
