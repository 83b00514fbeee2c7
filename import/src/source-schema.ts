import type { Queries } from "@om/server/platform/postgres/database";
import { statement } from "@om/server/platform/postgres/statement";
import { ImportRefused } from "./import-connection.ts";

/** What the import reads of each table of the first server; a table that is not `needed` may be missing and counts as empty. */
const tables = {
  users: "id created_at updated_at deleted_at username email password_hash full_name avatar role last_seen",
  messages:
    "id created_at deleted_at client_id sender_id recipient_id group_id content message_type status is_delivered is_read",
  groups: "id created_at updated_at deleted_at name description icon creator_id is_public handle",
  group_members: "group_id user_id role joined_at",
  refresh_tokens: "id created_at deleted_at user_id token_hash expires_at revoked_at",
  group_invite_links: "id created_at group_id token created_by expires_at max_uses used_count revoked_at",
  group_read_states: "group_id user_id last_read_message_id",
  pending_messages: "id deleted_at user_id message_id",
  app_versions:
    "id platform version build_number download_url changelog force_update min_supported_build is_active release_date created_at updated_at",
} as const;
export type SourceTable = keyof typeof tables;

const needed = new Set<string>(["users", "messages", "groups", "group_members"]);

const columns = statement<{ name: string; columns: string[] }>(
  "import.source_columns",
  `select c.relname as name, array_agg(a.attname::text) as columns
   from pg_class c join pg_attribute a on a.attrelid = c.oid
   where c.oid = any(select to_regclass(quote_ident(n)) from unnest($1::text[]) n) and a.attnum > 0 and not a.attisdropped
   group by 1`,
);

/** @returns the tables that are missing. @throws ImportRefused when this is not a database of the first server */
export async function missingTables(source: Queries): Promise<ReadonlySet<SourceTable>> {
  const names = Object.keys(tables) as SourceTable[];
  const found = new Map((await source.query(columns, [names])).map((row) => [row.name, new Set(row.columns)]));
  const faults = names.flatMap((name) => {
    const there = found.get(name);
    if (there === undefined) return needed.has(name) ? [`table ${name}`] : [];
    const absent = tables[name].split(" ").filter((column) => !there.has(column));
    return absent.length === 0 ? [] : [`${absent.join(", ")} in table ${name}`];
  });
  if (faults.length > 0) {
    throw new ImportRefused(`the source is not a database of the first server; it has no ${faults.join("; no ")}`);
  }
  return new Set(names.filter((name) => !found.has(name)));
}
