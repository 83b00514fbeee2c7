import type { Account, AccountState, Role } from "@om/protocol";
import type { Queries } from "../platform/postgres/database.ts";
import { likePattern } from "../platform/postgres/pattern.ts";
import { statement } from "../platform/postgres/statement.ts";

const columns = `u.id, u.username, u.email, u.full_name, u.role, u.state, u.created_at, u.last_seen,
  (select count(*) from sessions s where s.user_id = u.id and s.revoked_at is null
     and s.last_used_at > now() - make_interval(days => $1) and s.created_at > now() - interval '365 days') as sessions`;

const list = statement<Account>(
  "people.list",
  `select ${columns} from users u
   where u.deleted_at is null and ($2 = '' or fold(u.username) like fold($2) or fold(u.full_name) like fold($2) or ($3 and u.email like lower($2)))
     and ($4 = '' or u.state = $4) and ($5 = '' or u.role = $5) and u.id > $6
   order by u.id limit $7`,
);
const byId = statement<Account>(
  "people.by_id",
  `select ${columns} from users u where u.id = $2 and u.deleted_at is null`,
);
const idsOf = statement<{ id: number }>(
  "people.ids_of",
  `select u.id from users u where u.deleted_at is null
     and (u.id = $1 or u.email = $2 or u.id = (select n.user_id from names n where n.name = $2)) limit 2`,
);
const setState = statement<never>("people.set_state", "update users set state = $2 where id = $1 and state <> $2");
const setRole = statement<never>("people.set_role", "update users set role = $2 where id = $1 and role <> $2");

export interface Wanted {
  /** Part of a name or an address; "": everybody. */
  text: string;
  state: AccountState | "";
  role: Role | "";
  after: number;
  limit: number;
  /** Addresses are searched and shown. */
  withEmails: boolean;
}

/** People as those see them who look after them. @param sessionDays see SESSION_DAYS */
export function personStore(db: Queries, sessionDays: number) {
  return {
    async list({ text, state, role, after, limit, withEmails }: Wanted): Promise<Account[]> {
      const pattern = text === "" ? "" : likePattern(text);
      const found = await db.query(list, [sessionDays, pattern, withEmails, state, role, after, limit]);
      return withEmails ? found : found.map((one) => ({ ...one, email: "" }));
    },
    byId: async (id: number) => (await db.query(byId, [sessionDays, id]))[0],
    /** Who has this id, username or e-mail address: two when it is the id of one and the name of another. */
    idsOf: async (text: string) =>
      (await db.query(idsOf, [/^\d{1,15}$/.test(text) ? Number(text) : null, text.toLowerCase()])).map(({ id }) => id),
    setState: (id: number, state: AccountState) => db.query(setState, [id, state]),
    setRole: (id: number, role: Role) => db.query(setRole, [id, role]),
  };
}
