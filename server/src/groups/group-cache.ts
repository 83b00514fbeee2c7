import type { Invalidation } from "../cache/marks.ts";
import type { Source } from "../cache/source.ts";
import { conversationKey } from "../conversations/cache-keys.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";
import type { GroupRow } from "./group-store.ts";

/** A group without its messages. */
export interface CachedGroup extends Omit<GroupRow, "creator"> {
  /** The oldest member first; null: they are too many to be kept. */
  members: number[] | null;
}

const format = "b2";
const maxMembers = 100;

const load = statement<CachedGroup & { ver: number; is_there: boolean }>(
  "groups.load",
  `select g.id is not null as is_there, coalesce(g.ver, 0) as ver, g.id, g.created_at, g.updated_at, g.name, g.description, g.icon,
     g.creator_id, g.is_public, g.handle, coalesce(c.members, 0) as member_count,
     case when c.members <= ${maxMembers} then (
       select coalesce(json_agg(p.user_id order by p.joined_at, p.user_id), '[]')
       from participants p where p.conversation_id = c.id and p.left_at is null
     ) end as members
   from unnest($1::bigint[]) with ordinality as i(id, ord) left join groups g on g.id = i.id left join conversations c on c.group_id = g.id
   order by i.ord`,
);
const raiseVersion = statement<{ ver: number }>(
  "groups.raise_version",
  "update groups set ver = ver + 1 where id = $1 returning ver",
);

const aboutKey = (groupId: number): string => `about:${groupId}`;

/**
 * `about:{group}`, 5 min, lock `group:{group}`, version groups.ver: what a group says of itself, and who is in it. One record
 * [format, group]. Groups that do not exist are not kept.
 */
export function aboutSource(db: Queries): Source<number, CachedGroup | undefined> {
  return {
    name: "about",
    ttlMs: 300_000,
    maxBytes: 16 * 1024,
    maxRecords: 1,
    key: aboutKey,
    lock: (groupId) => conversationKey({ groupId }),
    async load(ids) {
      const rows = await db.query(load, [ids]);
      return rows.map(({ is_there: isThere, ver, ...group }) => ({ ver, value: isThere ? group : undefined }));
    },
    records: (group) => (group === undefined ? undefined : [[format, group]]),
    fold: ([record]) => (Array.isArray(record) && record[0] === format ? (record[1] as CachedGroup) : undefined),
  };
}

/** In the transaction that changed what the group says of itself or who is in it. */
export async function invalidatedAbout(queries: Queries, groupId: number): Promise<Invalidation> {
  const { ver } = only(await queries.query(raiseVersion, [groupId]));
  return { key: aboutKey(groupId), ver };
}
