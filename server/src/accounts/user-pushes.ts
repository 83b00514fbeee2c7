import type { BlockUpdateFrame, Face, UserUpdateFrame } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import type { UserViews } from "./user-view.ts";

/** Who is told at once of a change of a user; others learn of it when they read again. */
const maxTold = 10_000;

const face = statement<Face & { known_by: number[] }>(
  "users.face",
  `select u.id, u.username, u.full_name, u.avatar, u.role, u.ver, (
     select coalesce(json_agg(k.user_id), '[]') from (
       select distinct t.user_id from participants mine join participants t on t.conversation_id = mine.conversation_id and t.left_at is null
       where mine.user_id = u.id limit $2
     ) k
   ) as known_by from users u where u.id = $1`,
);

/** Tells devices that follow by cursor of users; after the commit, nobody waits, and what fails is learned by cursor. */
export interface UserPushes {
  /** Name, picture or role may have changed: to all in whose conversations the user is or was, and to the user. */
  face(userId: number): void;
  /** To the user's own devices. */
  block(userId: number, blockedId: number, isBlocked: boolean): void;
}

export function createUserPushes(deps: {
  db: Queries;
  bus: Bus;
  views: Pick<UserViews, "mediaUrl">;
  failure: (error: unknown) => void;
}): UserPushes {
  const { db, bus, views, failure } = deps;
  async function tellFace(userId: number): Promise<void> {
    const [row] = await db.query(face, [userId, maxTold]);
    if (row === undefined) return;
    const { known_by: knownBy, ...user } = row;
    const frame: UserUpdateFrame = { type: "user_update", user: { ...user, avatar: views.mediaUrl(user.avatar) } };
    bus.publish([{ userIds: [...new Set([userId, ...knownBy])], frame: frameOf(() => frame), to: "resuming" }]);
  }
  return {
    face: (userId) => void tellFace(userId).catch(failure),
    block(userId, blockedId, isBlocked) {
      const frame: BlockUpdateFrame = { type: "block_update", user_id: blockedId, is_blocked: isBlocked };
      bus.publish([{ userIds: [userId], frame: frameOf(() => frame), to: "resuming" }]);
    },
  };
}
