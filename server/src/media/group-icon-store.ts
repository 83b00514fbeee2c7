import type { Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

export interface GroupIconRow {
  id: number;
  created_at: string;
  updated_at: string;
  name: string;
  description: string;
  icon: string;
  creator_id: number;
  is_public: boolean;
  handle: string | null;
  /** The icon before. */
  previous: string;
}

const setIcon = statement<GroupIconRow>(
  "media.set_group_icon",
  `with old as (select id, icon from groups where id = $2 for update)
   update groups g set icon = $3, updated_at = now()
   from old
   where g.id = old.id and exists (
     select from conversations c join participants p on p.conversation_id = c.id
     where c.group_id = g.id and p.user_id = $1 and p.role = 'admin' and p.left_at is null
   )
   returning g.id, g.created_at, g.updated_at, g.name, g.description, g.icon, g.creator_id, g.is_public, g.handle,
     old.icon as previous`,
);

/** The `icon` column of groups: a URL or "". */
export function groupIconStore(db: Database) {
  return {
    /** Undefined when the caller is no admin of such a group: then nothing has changed. */
    set: async (callerId: number, groupId: number, url: string) =>
      (await db.query(setIcon, [callerId, groupId, url]))[0],
  };
}
export type GroupIconStore = ReturnType<typeof groupIconStore>;
