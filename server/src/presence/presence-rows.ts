import { DatabaseUnavailable, type Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";
import { within } from "../platform/within.ts";
import { sliceSize, type PresenceRegister } from "./presence-register.ts";

const join = statement<never>(
  "presence.join",
  "insert into presence_nodes (node, alive_until) values ($1, clock_timestamp() + $2::float8 * interval '1 ms')",
);
const heartbeat = statement<{ registered: boolean; expired: string[]; others: boolean }>(
  "presence.heartbeat",
  `with own as (
     update presence_nodes set alive_until = clock_timestamp() + $2::float8 * interval '1 ms'
     where node = $1 and alive_until > clock_timestamp() returning node
   )
   select exists (select from own) as registered, exists (select from presence_nodes where node <> $1) as others,
     array(select node from presence_nodes where node <> $1 and alive_until <= clock_timestamp() limit 10) as expired`,
);
const add = statement<{ came: number[] | null }>("presence.add", "select to_json(add_presence($1, $2)) as came");
const remove = statement<{ gone: number[] }>("presence.remove", "select to_json(remove_presence($1, $2)) as gone");
const reap = statement<{ more: boolean; gone: number[] }>(
  "presence.reap",
  "select more, to_json(gone) as gone from reap_presence($1, $2, $3)",
);
const count = statement<{ users: number }>("presence.count", "select count(distinct user_id) as users from presence");
const find = statement<{ registered: boolean; online: number[] }>(
  "presence.find",
  `select exists (select from presence_nodes where node = $1) as registered,
     (select coalesce(json_agg(p.user_id), '[]') from presence p where p.user_id = any($2::bigint[]) and p.node <> $1) as online`,
);

/**
 * Presence as PostgreSQL keeps it. While there is no other node nothing is asked: whoever is online is online here.
 * @param deps.aside for what must not wait behind requests
 * @param deps.isAlone no other node is heard of
 */
export function presenceRows(deps: { db: Queries; aside: Queries; isAlone: () => boolean }): PresenceRegister {
  const { db, aside } = deps;
  let hasOthers = true;
  return {
    join: async (node, lifeMs) => void (await aside.query(join, [node, lifeMs])),
    async heartbeat(node, lifeMs) {
      const { others, ...beat } = only(await aside.query(heartbeat, [node, lifeMs]));
      hasOthers = others;
      return beat;
    },
    add: async (node, userIds) => only(await aside.query(add, [node, userIds])).came ?? undefined,
    remove: async (node, userIds) => only(await aside.query(remove, [node, userIds])).gone,
    reap: async (node, own) => only(await aside.query(reap, [node, own, sliceSize])),
    count: async () => only(await aside.query(count, [])).users,
    async find(node, userIds, withinMs) {
      if (!hasOthers && deps.isAlone()) return { registered: true, online: new Set(), uncertain: new Set() };
      const found = await within(withinMs, db.query(find, [node, userIds]));
      if (found === undefined) throw new DatabaseUnavailable(new Error("no answer in time"));
      const { registered, online } = only(found);
      return { registered, online: new Set(online), uncertain: new Set() };
    },
  };
}
