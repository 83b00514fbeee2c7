import type { FullUser, PeerUser, User } from "@om/protocol";
import type { Observation, Reads } from "../cache/recorder.ts";

/** A user as the database keeps it; `email` is shown by the rules of `UserViews` only. */
export interface Profile extends Omit<User, "is_online" | "presence" | "is_blocked"> {
  /**
   * The sum of: 1 the viewer has blocked the user, 2 the user the viewer, 4 the user has written to the viewer or is the viewer. Absent: 4.
   * Presence is shown where it is 4.
   */
  relation?: number;
  /** Of a user who has blocked the viewer: up to which messages the viewer knows them to have been read and delivered. */
  receipts?: [readId: number, deliveredId: number] | null;
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
 * How one user sees another: presence joined at read time, only of those who have written to the viewer and not where one has blocked the
 * other (O-6); e-mail addresses hidden from everybody but oneself (O-4).
 * @param options.onProfileServed is called with every profile of a known version that is shown
 */
export function createUserViews(options: {
  exposeEmails: boolean;
  presence: PresenceSource;
  /** See `MediaAddress.shown`; default: as it is stored. */
  mediaUrl?: (stored: string) => string;
  onProfileServed?: (userId: number, ver: number) => void;
}) {
  const { presence, mediaUrl = (stored: string) => stored } = options;
  const peer = (profile: Profile, viewerId: number, online: IsOnline): PeerUser => {
    if (profile.ver !== undefined) options.onProfileServed?.(profile.id, profile.ver);
    const isOnline = hasPresence(profile) ? online(profile.id) : false;
    return {
      id: profile.id,
      username: profile.username,
      email: options.exposeEmails || profile.id === viewerId ? profile.email : "",
      full_name: profile.full_name,
      avatar: mediaUrl(profile.avatar),
      is_online: isOnline === true,
      last_seen: hasPresence(profile) ? profile.last_seen : null,
      ...(isOnline === undefined ? { presence: "unknown" as const } : {}),
      ...(((profile.relation ?? 0) & 1) === 1 ? { is_blocked: true } : {}),
    };
  };
  const user = (profile: Profile, viewerId: number, online: IsOnline): User => ({
    ...peer(profile, viewerId, online),
    role: profile.role,
  });
  const lookup = (profiles: readonly Pick<Profile, "id" | "relation">[]): Promise<IsOnline> =>
    presence.lookup([...new Set(profiles.filter(hasPresence).map(({ id }) => id))]);
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
    mediaUrl,
    /** As `user`, without the role. */
    peer,
    user,
    /** As anybody may see the user: no e-mail, no relation to the viewer. @param isOnline absent: nothing of presence */
    anybody: (profile: Profile, isOnline?: boolean): User =>
      user({ ...profile, email: "", relation: isOnline === undefined ? 0 : 4 }, 0, () => isOnline),
    /** As `user`, with the times of the account; without `is_blocked`, which the contract does not have here. */
    full(profile: FullProfile, viewerId: number, online: IsOnline): FullUser {
      const { is_blocked: _isBlocked, ...shown } = user(profile, viewerId, online);
      return { ...shown, created_at: profile.created_at, updated_at: profile.updated_at };
    },
  };
}
export type UserViews = ReturnType<typeof createUserViews>;

/** The viewer may know whether this user is there. */
function hasPresence({ relation = 4 }: Pick<Profile, "relation">): boolean {
  return relation === 4;
}
