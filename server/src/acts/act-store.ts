import type { Act } from "@om/protocol";
import type { Actor } from "../platform/caller.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

export type ActName =
  | "register"
  | "reset_password"
  | "add_account"
  | "set_account_state"
  | "set_account_role"
  | "sign_out_account"
  | "make_reset_link"
  | "delete_account_of"
  | "make_invitation"
  | "revoke_invitation"
  | "edit_group"
  | "set_icon"
  | "add_member"
  | "remove_member"
  | "set_role"
  | "create_invite"
  | "revoke_invite";

interface NewAct {
  act: ActName;
  /** To whom it is done. */
  userId?: number;
  groupId?: number;
  /** No secret, and nothing that somebody wrote. */
  details?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

/** An act as it was chained: texts, whose bytes count. */
export interface ActRow {
  id: string;
  at: string;
  actor_id: string | null;
  origin: string;
  act: string;
  user_id: string | null;
  group_id: string | null;
  details: string;
}
export interface ChainedAct extends ActRow {
  nr: number;
  before: string;
  hash: string;
}
export interface Link {
  nr: number;
  hash: string;
}
export interface Seal extends Link {
  sealed_at: string;
  signature: string;
}

const write = statement<never>(
  "acts.write",
  "insert into acts (actor_id, origin, act, user_id, group_id, details) values ($1, $2, $3, $4, $5, $6)",
);
const list = statement<Omit<Act, "details"> & { details: string }>(
  "acts.list",
  `select a.id, a.at, a.actor_id, x.username as actor, a.origin, a.act, a.user_id, u.username as "user", a.group_id, a.details
   from acts a left join users x on x.id = a.actor_id left join users u on u.id = a.user_id
   where a.id < $1 and ($2::bigint is null or a.actor_id = $2 or a.user_id = $2) order by a.id desc limit $3`,
);
const alone = statement<{ alone: boolean }>(
  "acts.alone",
  "select pg_try_advisory_xact_lock(lock_number('acts')) as alone",
);
const texts = `a.id::text, to_char(a.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as at, a.actor_id::text, a.origin, a.act,
  a.user_id::text, a.group_id::text, a.details`;
const unchained = statement<ActRow>(
  "acts.unchained",
  `select ${texts} from acts a where a.nr is null order by a.id limit $1`,
);
const last = statement<Link>(
  "acts.last",
  "select nr, hash from acts where nr is not null order by nr desc nulls last limit 1",
);
const chain = statement<never>(
  "acts.chain",
  `update acts a set nr = l.nr, before = l.before, hash = l.hash
   from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) as l(id, nr, before, hash) where a.id = l.id`,
);
const chained = statement<ChainedAct>(
  "acts.chained",
  `select ${texts}, a.nr, a.before, a.hash from acts a where a.nr > $1 order by a.nr limit $2`,
);
const withHash = statement<{ nr: number }>("acts.with_hash", "select nr from acts where hash = $1 limit 1");
const seals = statement<Seal>(
  "acts.seals",
  "select nr, hash, sealed_at, signature from act_seals order by nr desc limit $1",
);
const seal = statement<Seal>(
  "acts.seal",
  "insert into act_seals (nr, hash, sealed_at, signature) values ($1, $2, $3, $4) on conflict do nothing",
);
const due = statement<{ now: string; due: boolean }>(
  "acts.due",
  `select date_trunc('second', now()) as now,
     not exists (select from act_seals where sealed_at > now() - interval '24 hours') as due`,
);

/** In the transaction of what it tells of. */
export async function writeAct(queries: Queries, { userId, origin }: Actor, of: NewAct): Promise<void> {
  const details = of.details === undefined ? "" : JSON.stringify(of.details);
  await queries.query(write, [userId ?? null, origin, of.act, of.userId ?? null, of.groupId ?? null, details]);
}

/** Acts, as they are read, chained and sealed. */
export function actStore(db: Queries) {
  return {
    /** The newest first, before the id `before`; of one person all that they did, and what was done to them. */
    list: async (wanted: { before: number; about: number | undefined; limit: number }): Promise<Act[]> =>
      (await db.query(list, [wanted.before, wanted.about ?? null, wanted.limit])).map(({ details, ...act }) => ({
        ...act,
        details: details === "" ? {} : (JSON.parse(details) as Act["details"]),
      })),
    /** Until the transaction ends nobody else chains or seals; false: somebody does. */
    isAlone: async () => only(await db.query(alone, [])).alone,
    /** The oldest first. */
    unchained: (limit: number) => db.query(unchained, [limit]),
    last: async () => (await db.query(last, []))[0],
    async chain(links: readonly (Link & { id: string; before: string })[]): Promise<void> {
      const columns = [links.map(({ id }) => id), links.map(({ nr }) => nr), links.map(({ before }) => before)];
      await db.query(chain, [...columns, links.map(({ hash }) => hash)]);
    },
    /** By number, after that of `after`. */
    chained: (after: number, limit: number) => db.query(chained, [after, limit]),
    numberOf: async (hash: string) => (await db.query(withHash, [hash]))[0]?.nr,
    /** The newest first. */
    seals: (limit: number) => db.query(seals, [limit]),
    seal: ({ nr, hash, sealed_at: at, signature }: Seal) => db.query(seal, [nr, hash, at, signature]),
    /** By the database's clock: whether the newest seal is a day old. */
    due: async () => only(await db.query(due, [])),
  };
}
