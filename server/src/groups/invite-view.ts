import type { NewInvite } from "@om/protocol";
import type { InviteRow } from "./invite-store.ts";

/** @param joinBase what links begin with; "" when the operator has not set it */
export function inviteView({ token, expires_at, max_uses }: InviteRow, joinBase: string): NewInvite {
  const path = `/join/${token}`;
  return { expires_at, join_path: path, join_url: joinBase === "" ? "" : `${joinBase}${path}`, max_uses, token };
}
