import { LRUCache } from "lru-cache";
import { lockObjects } from "../cache/locks.ts";
import type { Reads } from "../cache/recorder.ts";
import type { Source } from "../cache/source.ts";
import type { Invalidation } from "../cache/marks.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { hasWritten } from "./profile-columns.ts";
import type { FullProfile, Profile } from "./user-view.ts";

/**
 * `profile:{user}`, 5 min, lock `profile:{user}`, version users.ver: a user's profile without the e-mail, and whom that user has blocked. The
 * version rises as well with the first message to somebody, who may see the user's presence from then on.
 * One record: [format, id, username, full_name, avatar, role, last_seen, made, edited, closed, blocks]. Users who do not exist are not kept.
 */
interface CachedProfile extends Omit<FullProfile, "email" | "relation" | "receipts" | "ver"> {
  isClosed: boolean;
  blocked: readonly Block[];
}
/** Whom, and how far that one knew the user to have come. */
type Block = [userId: number, readId: number, deliveredId: number];
interface CachedProfileRow extends Omit<CachedProfile, "isClosed"> {
  ver: number;
  is_closed: boolean;
}

const format = "p3";
const fields = [
  ...(["id", "username", "full_name", "avatar", "role", "last_seen"] as const),
  ...(["created_at", "updated_at", "isClosed", "blocked"] as const),
] satisfies (keyof CachedProfile)[];

const load = statement<CachedProfileRow | { id: null }>(
  "profiles.load",
  `select u.id, u.ver, u.username, u.full_name, u.avatar, u.role, u.last_seen, u.created_at, u.updated_at,
     u.deleted_at is not null as is_closed,
     (select coalesce(json_agg(json_build_array(b.blocked_id, b.read_id, b.delivered_id)), '[]') from blocks b where b.blocker_id = u.id) as blocked
   from unnest($1::bigint[]) with ordinality as i(id, ord) left join users u on u.id = i.id order by i.ord`,
);
const emails = statement<{ id: number; email: string }>(
  "profiles.emails",
  "select id, email from users where id = any($1)",
);
const written = statement<{ id: number; ver: number; has_written: boolean }>(
  "profiles.written",
  `select u.id, u.ver, ${hasWritten("u.id", "$2")} as has_written from users u where u.id = any($1)`,
);
const raiseVersion = statement<{ id: number; ver: number }>(
  "profiles.raise",
  "update users set ver = ver + 1 where id = any($1) returning id, ver",
);

/** A user as one viewer sees them. */
export interface SeenProfile extends FullProfile {
  isClosed: boolean;
}

/** Users as one viewer sees them. */
export interface Profiles {
  /** Those of the ids who exist, in no order; e-mails only of the viewer, or of all where the installation shows them. */
  forViewer(
    reads: Pick<Reads, "read">,
    viewer: { userId: number; email: string },
    ids: readonly number[],
  ): Promise<SeenProfile[]>;
}

export function createProfiles(deps: { db: Queries; exposeEmails: boolean }): Profiles {
  const source = profileSource(deps.db);
  // An address changes only when the account is closed, which the cached profile says.
  const emailOf = new LRUCache<number, string>({ max: 100_000 });

  async function loadEmails(cached: readonly CachedProfile[]): Promise<void> {
    const wanted = cached.filter(({ id }) => !emailOf.has(id)).map(({ id }) => id);
    if (wanted.length === 0) return;
    for (const { id, email } of await deps.db.query(emails, [wanted])) emailOf.set(id, email);
  }

  // Of a viewer and a user: infinite when that one has written to the viewer, which stays so; else the user's version at which it was not so.
  const unwrittenAt = new LRUCache<string, number>({ max: 200_000 });

  /** Of the users those who have written to the viewer. */
  async function writersTo(viewerId: number, users: readonly { id: number; ver: number }[]): Promise<Set<number>> {
    const keyOf = (id: number): string => `${viewerId}/${id}`;
    const asked = users.filter(({ id, ver }) => (unwrittenAt.get(keyOf(id)) ?? -1) < ver).map(({ id }) => id);
    const rows = asked.length === 0 ? [] : await deps.db.query(written, [asked, viewerId]);
    for (const { id, ver, has_written: has } of rows) unwrittenAt.set(keyOf(id), has ? Number.POSITIVE_INFINITY : ver);
    const [known, read] = [users.map(({ id }) => id), new Map(rows.map((row) => [row.id, row.has_written]))];
    return new Set(known.filter((id) => read.get(id) ?? unwrittenAt.get(keyOf(id)) === Number.POSITIVE_INFINITY));
  }

  return {
    async forViewer(reads, viewer, ids) {
      const wanted = [...new Set([viewer.userId, ...ids])];
      const found = await reads.read(source, wanted);
      const cached = found.flatMap(({ value }) => (value === undefined ? [] : [value]));
      if (deps.exposeEmails) await loadEmails(cached);
      const own = cached.find(({ id }) => id === viewer.userId);
      const others = found.flatMap(({ ver, value }) =>
        value === undefined || value === own ? [] : [{ id: value.id, ver }],
      );
      const writers = await writersTo(viewer.userId, others);
      return cached
        .filter(({ id }) => ids.includes(id))
        .map(({ blocked, ...profile }) => {
          const { id, isClosed } = profile;
          const isBlocked = own?.blocked.some(([userId]) => userId === id) === true;
          const block = blocked.find(([userId]) => userId === viewer.userId);
          const blocks = isClosed ? 0 : Number(isBlocked) + (block === undefined ? 0 : 2);
          const relation = blocks + (id === viewer.userId || writers.has(id) ? 4 : 0);
          const receipts: Profile["receipts"] = block === undefined ? null : [block[1], block[2]];
          const closedEmail = `deleted_${profile.id}@invalid`;
          const email = profile.id === viewer.userId ? viewer.email : (emailOf.get(profile.id) ?? "");
          return { ...profile, email: isClosed ? closedEmail : email, relation, receipts };
        });
    },
  };
}

function profileSource(db: Queries): Source<number, CachedProfile | undefined> {
  return {
    name: "profile",
    ttlMs: 300_000,
    maxBytes: 32 * 1024,
    maxRecords: 1,
    key: profileKey,
    lock: profileKey,
    async load(ids) {
      const rows = await db.query(load, [ids]);
      return rows.map((row) => {
        if (row.id === null) return { ver: 0, value: undefined };
        const { ver, is_closed: isClosed, ...profile } = row;
        return { ver, value: { ...profile, isClosed } };
      });
    },
    records: (profile) => (profile === undefined ? undefined : [[format, ...fields.map((field) => profile[field])]]),
    fold([record]) {
      if (!Array.isArray(record) || record[0] !== format || record.length !== fields.length + 1) return undefined;
      const values = record as unknown[];
      return Object.fromEntries(fields.map((field, i) => [field, values[i + 1]])) as unknown as CachedProfile;
    },
  };
}

/** Also the name of its lock. */
export const profileKey = (id: number): string => `profile:${id}`;

/** One transaction that holds the lock of a user's profile and changes what others see of the user. */
export function changeProfile<T>(
  writes: CacheWrites,
  userId: number,
  work: (queries: Queries) => Promise<T>,
  conversationKeys: readonly string[] = [],
): Promise<T> {
  return writes.transaction(async (queries, invalidate) => {
    // Locks of profiles come after those of conversations.
    if (conversationKeys.length > 0) await lockObjects(queries, conversationKeys);
    await lockObjects(queries, [profileKey(userId)]);
    const value = await work(queries);
    (await invalidatedProfiles(queries, [userId])).forEach(invalidate);
    return value;
  });
}

/** In the transaction that changed what others see of these users. */
export async function invalidatedProfiles(queries: Queries, userIds: readonly number[]): Promise<Invalidation[]> {
  const raised = await queries.query(raiseVersion, [userIds]);
  return raised.map(({ id, ver }) => ({ key: profileKey(id), ver }));
}
