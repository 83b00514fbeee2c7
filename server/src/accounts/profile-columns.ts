const fields = ["id", "username", "email", "full_name", "avatar", "role", "last_seen", "ver"];

/** Who blocks whom: 1 the viewer has blocked the user, 2 the user the viewer, 3 both, 0 nobody. */
const relation = (alias: string, viewer: string): string =>
  `(select coalesce(sum(case when b.blocker_id = ${viewer} then 1 else 2 end), 0)::int from blocks b` +
  ` where (b.blocker_id = ${viewer} and b.blocked_id = ${alias}.id) or (b.blocker_id = ${alias}.id and b.blocked_id = ${viewer}))`;

/** Columns of `Profile`, of `users u`; with a viewer as that one sees the user. */
export const profileColumns = (viewer?: string): string =>
  fields.map((field) => `u.${field}`).join(", ") +
  (viewer === undefined ? "" : `, ${relation("u", viewer)} as relation`);

/** `Profile` as JSON, of `users u` as the viewer sees the user. */
export const profileJson = (viewer: string): string =>
  `json_build_object(${fields.map((field) => `'${field}', u.${field}`).join(", ")}, 'relation', ${relation("u", viewer)})`;
