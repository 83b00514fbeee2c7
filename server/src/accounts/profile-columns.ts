const fields = ["id", "username", "email", "full_name", "avatar", "role", "last_seen", "ver"];

/** Who has blocked whom and who has written: see `Profile`. */
const relation = (user: string, viewer: string): string =>
  `(select coalesce(sum(case when b.blocker_id = ${viewer} then 1 else 2 end), 0)::int from blocks b` +
  ` where (b.blocker_id = ${viewer} and b.blocked_id = ${user}) or (b.blocker_id = ${user} and b.blocked_id = ${viewer}))` +
  ` + case when ${user} = ${viewer} or ${hasWritten(user, viewer)} then 4 else 0 end`;

/** Whether a user has ever sent another a direct message. */
export const hasWritten = (user: string, to: string): string =>
  `exists (select from conversations k join participants w on w.conversation_id = k.id and w.user_id = ${user} and w.sent > 0` +
  ` where k.lo = least(${user}, ${to}) and k.hi = greatest(${user}, ${to}))`;

/** How far the viewer knows a user who has blocked the viewer to have come. */
const receipts = (user: string, viewer: string): string =>
  `(select json_build_array(b.read_id, b.delivered_id) from blocks b where b.blocker_id = ${user} and b.blocked_id = ${viewer})`;

/** Columns of `Profile`, of `users u`; with a viewer as that one sees the user. */
export const profileColumns = (viewer?: string): string =>
  fields.map((field) => `u.${field}`).join(", ") +
  (viewer === undefined ? "" : `, ${relation("u.id", viewer)} as relation, ${receipts("u.id", viewer)} as receipts`);

/** `Profile` as JSON, of `users u` as the viewer sees the user. */
export const profileJson = (viewer: string): string =>
  `json_build_object(${fields.map((field) => `'${field}', u.${field}`).join(", ")}, 'relation', ${relation("u.id", viewer)},` +
  ` 'receipts', ${receipts("u.id", viewer)})`;
