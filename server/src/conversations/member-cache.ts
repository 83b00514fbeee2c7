import type { Source } from "../cache/source.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { conversationKey, memberKey } from "./cache-keys.ts";

/** Whether a user is in a group, and up to where the group is deleted for that user. */
export interface Membership {
  isMember: boolean;
  clearedSeq: number;
}
export interface MemberId {
  groupId: number;
  userId: number;
}

const load = statement<{ ver: number; is_member: boolean; cleared_seq: number }>(
  "members.load",
  `select coalesce(p.member_ver, 0) as ver, p.user_id is not null and p.left_at is null as is_member,
     coalesce(p.cleared_seq, 0) as cleared_seq
   from unnest($1::bigint[], $2::bigint[]) with ordinality as i(group_id, user_id, ord)
     left join conversations c on c.group_id = i.group_id
     left join participants p on p.user_id = i.user_id and p.conversation_id = c.id
   order by i.ord`,
);

/** `member:{group}:{user}`, lock of the group; one record [format, is member, cleared]. */
export function memberSource(db: Queries): Source<MemberId, Membership> {
  return {
    name: "member",
    ttlMs: 300_000,
    maxBytes: 256,
    maxRecords: 1,
    key: ({ groupId, userId }) => memberKey(groupId, userId),
    lock: ({ groupId }) => conversationKey({ groupId }),
    async load(ids) {
      const values = [ids.map(({ groupId }) => groupId), ids.map(({ userId }) => userId)];
      const rows = await db.query(load, values);
      return rows.map((row) => ({ ver: row.ver, value: { isMember: row.is_member, clearedSeq: row.cleared_seq } }));
    },
    records: ({ isMember, clearedSeq }) => [["g1", isMember, clearedSeq]],
    fold([record]) {
      if (!Array.isArray(record) || record[0] !== "g1") return undefined;
      const [, isMember, clearedSeq] = record as [string, boolean, number];
      return { isMember, clearedSeq };
    },
  };
}
