import type { ImportTestTarget } from "./import-target.ts";

/** Everything that an import writes, without what differs from run to run (ids of conversations and sessions, transactions). */
export async function dumpImport(target: ImportTestTarget) {
  const [row] = await target.rows<{ dump: Record<string, unknown[]> }>(`
    with named as (
      select id, seq, coalesce('group ' || group_id, lo || ':' || hi) as key from conversations
    )
    select json_build_object(
      'users', (select json_agg(json_build_object(
         'id', u.id, 'created_at', u.created_at, 'updated_at', u.updated_at, 'deleted_at', u.deleted_at, 'username', u.username,
         'email', u.email, 'password_hash', u.password_hash, 'full_name', u.full_name, 'avatar', u.avatar, 'role', u.role,
         'last_seen', u.last_seen, 'name', n.name, 'list_ver', s.list_ver) order by u.id)
         from users u left join names n on n.user_id = u.id left join user_state s on s.user_id = u.id),
      'groups', (select json_agg(json_build_object(
         'id', g.id, 'created_at', g.created_at, 'updated_at', g.updated_at, 'name', g.name, 'description', g.description,
         'icon', g.icon, 'creator_id', g.creator_id, 'is_public', g.is_public, 'handle', g.handle, 'reserved', n.name) order by g.id)
         from groups g left join names n on n.group_id = g.id),
      'conversations', (select json_agg(json_build_object(
         'key', n.key, 'seq', c.seq, 'ver', c.ver, 'members', c.members, 'life_ver', c.life_ver, 'last_message_id', c.last_message_id,
         'last_message_at', c.last_message_at) order by n.key)
         from conversations c join named n on n.id = c.id),
      'messages', (select json_agg(json_build_array(n.key, m.seq, m.id, m.first_ver, m.ver, m.sender_id, m.client_id,
         m.message_type, m.content, m.created_at, m.version, m.hidden) order by m.id)
         from messages m join named n on n.id = m.conversation_id),
      'participants', (select json_agg(json_build_array(n.key, p.user_id, p.role, p.joined_seq, p.read_seq, p.delivered_seq,
         p.cleared_seq, p.sent, p.sent_at_read, p.skipped, p.left_at is null) order by n.key, p.user_id)
         from participants p join named n on n.id = p.conversation_id),
      'invites', (select json_agg(i order by i.token) from invites i),
      'versions', (select json_agg(v order by v.id) from app_versions v),
      'tokens', (select json_agg(json_build_object('token_hash', t.token_hash, 'expires_at', t.expires_at,
         'replaced_at', t.replaced_at, 'user_id', s.user_id, 'created_at', s.created_at, 'last_used_at', s.last_used_at,
         'revoked_at', s.revoked_at) order by t.token_hash)
         from refresh_tokens t join sessions s on s.id = t.session_id)
    ) as dump`);
  if (row === undefined) throw new Error("no dump");
  return Object.fromEntries(Object.entries(row.dump).map(([kind, list]) => [kind, list ?? []])) as Record<
    string,
    unknown[]
  >;
}
