import type { FullUser, PeerUser, User } from "@om/protocol";

/** A user's public face as the database keeps it; `email` is shown by the rules of `UserViews` only. */
export interface Profile {
  id: number;
  username: string;
  email: string;
  full_name: string;
  avatar: string;
  role: string;
  /** RFC 3339; end of the last connection. */
  last_seen: string | null;
  /** Who blocks whom: 1 the viewer has blocked the user, 2 the user the viewer, 3 both; 0 or absent: nobody. */
  relation?: number;
}

/** A profile with the times of its row, RFC 3339. */
export interface FullProfile extends Profile {
  created_at: string;
  updated_at: string;
}

/**
 * How one user sees another: presence joined at read time, e-mail addresses hidden from everybody but oneself (O-4), and between
 * users of whom one has blocked the other no presence (O-6).
 */
export interface UserViews {
  user(profile: Profile, viewerId: number): User;
  /** As `user`, without the role. */
  peer(profile: Profile, viewerId: number): PeerUser;
  /** As `user`, with the times of the account. */
  full(profile: FullProfile, viewerId: number): FullUser;
}

export function createUserViews(options: { exposeEmails: boolean; isOnline: (userId: number) => boolean }): UserViews {
  const peer = (profile: Profile, viewerId: number): PeerUser => ({
    id: profile.id,
    username: profile.username,
    email: options.exposeEmails || profile.id === viewerId ? profile.email : "",
    full_name: profile.full_name,
    avatar: profile.avatar,
    is_online: (profile.relation ?? 0) === 0 && options.isOnline(profile.id),
    last_seen: (profile.relation ?? 0) === 0 ? profile.last_seen : null,
    ...(((profile.relation ?? 0) & 1) === 1 ? { is_blocked: true } : {}),
  });
  const user = (profile: Profile, viewerId: number): User => ({ ...peer(profile, viewerId), role: profile.role });
  return {
    peer,
    user,
    full: (profile, viewerId) => ({
      ...user(profile, viewerId),
      created_at: profile.created_at,
      updated_at: profile.updated_at,
    }),
  };
}
