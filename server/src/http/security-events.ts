import type { RouteName } from "@om/protocol";
import type { FastifyRequest } from "fastify";
import { OmError } from "../platform/om-error.ts";
import type { LogSecurity, SecurityEvent } from "../platform/telemetry/security.ts";

/** Routes whose calls are security events. */
const events: Partial<Record<RouteName, SecurityEvent>> = {
  register: "register",
  login: "login",
  refresh: "refresh",
  logout: "logout",
  endSession: "end_session",
  endOtherSessions: "end_other_sessions",
  changePassword: "change_password",
  deleteAccount: "delete_account",
  setRole: "set_role",
  addMember: "add_member",
  removeMember: "remove_member",
  createInvite: "create_invite",
  revokeInvite: "revoke_invite",
  resetPassword: "reset_password",
  setAccountState: "set_account_state",
  setAccountRole: "set_account_role",
  signOutAccount: "sign_out_account",
  makeResetLink: "make_reset_link",
  deleteAccountOf: "delete_account_of",
  makeInvitation: "make_invitation",
  revokeInvitation: "revoke_invitation",
};

/** Told only when it is refused: apps do it all the time. */
const usual: ReadonlySet<RouteName> = new Set<RouteName>(["refresh"]);

/** Logs what became of a call, if it is an event: with its answer, or with the error that it ended with. */
export function logRouteEvent(
  log: LogSecurity,
  request: FastifyRequest,
  outcome: { answer: unknown } | { error: unknown },
): void {
  const { name } = request.routeOptions.config;
  const event = name === undefined ? undefined : events[name];
  if (name === undefined || event === undefined) return;
  const refusal = "error" in outcome && outcome.error instanceof OmError ? outcome.error : undefined;
  if ("error" in outcome ? refusal === undefined || refusal.status >= 500 : usual.has(name)) return;
  const { caller, id, ip } = request;
  const answered = "answer" in outcome ? (outcome.answer as { user?: { id?: number } }).user?.id : undefined;
  log(event, {
    user: caller?.userId ?? refusal?.userId ?? answered,
    session: caller?.sessionId,
    ...membership(request),
    ip,
    request: id,
    refused: refusal?.code,
  });
}

/** To which group somebody did something, and to whom, as far as the path tells. */
function membership({ routeOptions: { url = "" }, params }: FastifyRequest): { group?: number; member?: number } {
  if (url.startsWith("/api/admin/users/:id")) return { member: Number((params as { id: string }).id) };
  if (!url.startsWith("/api/groups/")) return {};
  const { id, user_id: member } = params as Record<string, string>;
  return { group: Number(id), ...(member === undefined ? {} : { member: Number(member) }) };
}
