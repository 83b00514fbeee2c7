import type { Role } from "@om/protocol";
import { lockObjects } from "../cache/locks.ts";
import type { Actor } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** Somebody to whom something is done. */
export interface Subject {
  id: number;
  username: string;
  role: Role;
  state: string;
  password_hash: string;
  /** Without this one nobody could look after everything. */
  is_last_administrator: boolean;
}

const subject = statement<Subject>(
  "administration.subject",
  `select u.id, u.username, u.role, u.state, u.password_hash, u.role = 'administrator' and u.state = 'open' and not exists (
     select from users o where o.role = 'administrator' and o.state = 'open' and o.deleted_at is null and o.id <> u.id
   ) as is_last_administrator
   from users u where u.id = $1 and u.deleted_at is null`,
);
const roleOf = statement<{ role: Role }>(
  "administration.role_of",
  "select role from users where id = $1 and state = 'open' and deleted_at is null",
);

/** What an actor may do at all. @throws OmError `not_allowed` */
export async function requireRole(
  queries: Queries,
  { userId }: Pick<Actor, "userId">,
  least: "moderator" | "administrator",
): Promise<Role> {
  if (userId === undefined) return "administrator";
  const role = (await queries.query(roleOf, [userId]))[0]?.role ?? "user";
  if (role !== "administrator" && (role !== "moderator" || least === "administrator")) throw new OmError("not_allowed");
  return role;
}

/** Changes of people wait for each other, so that what one has read stays true: first of all in a transaction. */
export const lockAdministration = (queries: Queries): Promise<void> => lockObjects(queries, ["administration"]);

/**
 * Within a transaction: whom the actor may treat so. Moderators may only users and bots.
 * @param shuts the person could not look after anything afterwards
 * @throws OmError `not_allowed`, `user_not_found`, `own_account`, `last_administrator`
 */
export async function treat(
  queries: Queries,
  actor: Actor,
  { userId, least, shuts }: { userId: number; least: "moderator" | "administrator"; shuts: boolean },
): Promise<Subject> {
  await lockAdministration(queries);
  const role = await requireRole(queries, actor, least);
  const [found] = await queries.query(subject, [userId]);
  if (found === undefined) throw new OmError("user_not_found");
  if (role === "moderator" && found.role !== "user" && found.role !== "bot") throw new OmError("not_allowed");
  if (shuts && found.is_last_administrator) throw new OmError("last_administrator");
  if (shuts && found.id === actor.userId) throw new OmError("own_account");
  return found;
}
