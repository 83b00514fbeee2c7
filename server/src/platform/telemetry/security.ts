import type { ErrorCode } from "@om/protocol";

/** What happens to accounts and to the ways into them. */
export type SecurityEvent =
  | "register"
  | "login"
  | "refresh"
  | "logout"
  | "end_session"
  | "end_other_sessions"
  | "session_ended"
  | "change_password"
  | "delete_account"
  | "set_role"
  | "add_member"
  | "remove_member"
  | "create_invite"
  | "revoke_invite"
  | "reset_password"
  | "set_account_state"
  | "set_account_role"
  | "sign_out_account"
  | "make_reset_link"
  | "delete_account_of"
  | "make_invitation"
  | "revoke_invitation"
  | "origin";

/** Who, whose, from where; never a name, an address of e-mail or anything that was typed. */
export interface SecurityFacts {
  /** Whose account it is about; undefined: nobody's that is known. */
  user?: number | undefined;
  session?: number | undefined;
  group?: number | undefined;
  /** The one whom an admin's doing is about. */
  member?: number | undefined;
  ip?: string | undefined;
  /** Id of the request: the line of the request has it too. */
  request?: string | undefined;
  /** Of a browser's page that was refused. */
  origin?: string | undefined;
  /** It was refused, or was done because of an attack: why. Makes the line a warning. */
  refused?: ErrorCode | "reused_refresh_token" | undefined;
}

/** Logs an event, as a line of its own kind, and counts it. */
export type LogSecurity = (event: SecurityEvent, facts: SecurityFacts) => void;
