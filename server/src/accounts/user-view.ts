import type { FullUser, PeerUser, User } from "@om/protocol";
import type { Observation, Reads } from "../cache/recorder.ts";

/** A user as the database keeps it; `email` is shown by the rules of `UserViews` only. */
export interface Profile extends Omit<User, "is_online" | "presence" | "is_blocked"> {
  /** Who blocks whom: 1 the viewer has blocked the user, 2 the user the viewer, 3 both; 0 or absent: nobody. */
  relation?: number;
  /** Of the profile as others see it, where the database has just told it. */
  ver?: number;
}

/** A profile with the times of its row, RFC 3339. */
export interface FullProfile extends Profile {
  created_at: string;
  updated_at: string;
}

/** Whether somebody is connected, to whichever node; undefined: that cannot be known just now. */
export type IsOnline = (userId: number) => boolean | undefined;

/** Asks for many users at once. Whoever was not asked for is unknown. */
export type LookUpPresence = (userIds: readonly number[]) => Promise<IsOnline>;

/** Where presence is known from. */
export interface PresenceSource extends Omit<Observation, "isUnchanged"> {
  lookup: LookUpPresence;
}

/**
 * How one user sees another: presence joined at read time, e-mail addresses hidden from everybody but oneself (O-4), and between
 * users of whom one has blocked the other no presence (O-6).
 * @param options.onProfileServed is called with every profile of a known version that is shown
 */
export function createUserViews(options: {
  exposeEmails: boolean;
  presence: PresenceSource;
  onProfileServed?: (userId: number, ver: number) => void;
}) {
  const { presence } = options;
  const peer = (profile: Profile, viewerId: number, online: IsOnline): PeerUser => {
    if (profile.ver !== undefined) options.onProfileServed?.(profile.id, profile.ver);
    const isOnline = isUnblocked(profile) ? online(profile.id) : false;
    return {
      id: profile.id,
      username: profile.username,
      email: options.exposeEmails || profile.id === viewerId ? profile.email : "",
      full_name: profile.full_name,
      avatar: profile.avatar,
      is_online: isOnline === true,
      last_seen: isUnblocked(profile) ? profile.last_seen : null,
      ...(isOnline === undefined ? { presence: "unknown" as const } : {}),
      ...(((profile.relation ?? 0) & 1) === 1 ? { is_blocked: true } : {}),
    };
  };
  const user = (profile: Profile, viewerId: number, online: IsOnline): User => ({
    ...peer(profile, viewerId, online),
    role: profile.role,
  });
  const lookup = (profiles: readonly Pick<Profile, "id" | "relation">[]): Promise<IsOnline> =>
    presence.lookup([...new Set(profiles.filter(isUnblocked).map(({ id }) => id))]);
  return {
    /** Once for everybody whom an answer shows, before they are shown. */
    lookup,
    /** The same for an answer that is kept. */
    async observe(reads: Pick<Reads, "observe">, userIds: readonly number[]): Promise<IsOnline> {
      const ids = [...new Set(userIds)];
      const changes = presence.changes();
      const online = await presence.lookup(ids);
      const shown = ids.map(online);
      const isUnchanged = async (): Promise<boolean> => {
        const now = await presence.lookup(ids);
        return ids.every((id, index) => now(id) === shown[index]);
      };
      reads.observe({ ...presence, isUnchanged }, changes);
      return online;
    },
    /** `user` after a look-up for this one. */
    alone: async (profile: Profile, viewerId: number): Promise<User> =>
      user(profile, viewerId, await lookup([profile])),
    /** As `user`, without the role. */
    peer,
    user,
    /** As `user`, with the times of the account; without `is_blocked`, which the contract does not have here. */
    full(profile: FullProfile, viewerId: number, online: IsOnline): FullUser {
      const { is_blocked: _isBlocked, ...shown } = user(profile, viewerId, online);
      return { ...shown, created_at: profile.created_at, updated_at: profile.updated_at };
    },
  };
}
export type UserViews = ReturnType<typeof createUserViews>;

/** There is no block between the viewer and this user. */
function isUnblocked({ relation = 0 }: Pick<Profile, "relation">): boolean {
  return relation === 0;
}
