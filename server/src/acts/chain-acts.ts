import { createHash } from "node:crypto";
import type { Database } from "../platform/postgres/database.ts";
import type { Signer } from "../platform/signature.ts";
import { actStore, type ActRow, type Link, type Seal } from "./act-store.ts";

/** Before the first act. */
export const firstLink: Link = { nr: 0, hash: "0".repeat(64) };

/** Acts that are chained, and read, at a time. */
export const actsPage = 1_000;

/** Of an act that follows the one with the hash `before`. */
export function hashOf(before: string, act: ActRow): string {
  const { id, at, actor_id, origin, act: name, user_id, group_id, details } = act;
  const text = JSON.stringify([before, id, at, actor_id, origin, name, user_id, group_id, details]);
  return createHash("sha256").update(text).digest("hex");
}

/** Gives acts that have none their number and hash. One at a time does so, and who writes acts does not wait for it. */
export const chainActs = (db: Database): Promise<void> =>
  db.transaction(async (queries) => {
    const store = actStore(queries);
    if ((await store.unchained(1)).length === 0 || !(await store.isAlone())) return;
    let last = (await store.last()) ?? firstLink;
    // Read when alone: somebody may have chained them meanwhile.
    const links = (await store.unchained(actsPage)).map((act) => {
      const link = { id: act.id, nr: last.nr + 1, before: last.hash, hash: hashOf(last.hash, act) };
      last = link;
      return link;
    });
    await store.chain(links);
  });

/**
 * Once a day: signs which act is the newest, if all since the last seal follow from it. So whoever can write the database alone can
 * make no seal, and none is made over what was changed.
 * @returns what was sealed; undefined: nothing, because it is not due or somebody else does
 * @throws Error when acts do not follow from the last seal
 */
export const sealActs = (db: Database, signer: Signer): Promise<Link | undefined> =>
  db.transaction(async (queries) => {
    const store = actStore(queries);
    const { due, now } = await store.due();
    if (!due || !(await store.isAlone())) return undefined;
    const [seal] = await store.seals(1);
    let last = firstLink;
    if (seal !== undefined) {
      const [sealed] = await store.chained(seal.nr - 1, 1);
      const isOurs = signer.isOurs(sealText(seal), seal.signature);
      if (!isOurs || sealed?.nr !== seal.nr || sealed.hash !== seal.hash || hashOf(sealed.before, sealed) !== seal.hash)
        throw new Error("the audit log is not what was sealed, or by another key: npx om audit verify");
      last = seal;
    }
    const from = last.nr;
    for (let page = await store.chained(from, actsPage); page.length > 0;) {
      for (const act of page) {
        if (act.nr !== last.nr + 1 || act.before !== last.hash || act.hash !== hashOf(last.hash, act))
          throw new Error(`the audit log was changed at act ${act.nr}: npx om audit verify`);
        last = act;
      }
      page = await store.chained(last.nr, actsPage);
    }
    if (last.nr === from) return undefined;
    const made = { nr: last.nr, hash: last.hash, sealed_at: now };
    await store.seal({ ...made, signature: signer.sign(sealText(made)) });
    return made;
  });

export const sealText = ({ nr, hash, sealed_at }: Omit<Seal, "signature">): string =>
  JSON.stringify([nr, hash, sealed_at]);
