import * as shapes from "./mobile-shapes.ts";
import type { Shape } from "./mobile-shapes.ts";

const { anything, auth, available, group, list, message, messagesPage, object, user } = shapes;

const one = object({ user });
const many = object({ users: list(user) });

/** What the app parses the answer of each call as: wire contract §7.3, then §7.4. `*` is one part of the path. */
const answers: Record<string, Shape> = {
  "POST /auth/register": auth,
  "POST /auth/login": auth,
  "POST /auth/refresh": auth,
  "GET /users/me": one,
  "PUT /users/me": one,
  "POST /users/me/avatar": one,
  "DELETE /users/me/avatar": one,
  "GET /users/check-username": available,
  "GET /users/search": many,
  "GET /conversations": shapes.conversationsPage,
  "GET /conversations/peers": shapes.peers,
  "POST /conversations/*/read": anything,
  "GET /messages": messagesPage,
  "POST /messages/sync": shapes.sync,
  "POST /groups": group,
  "GET /groups": list(group),
  "GET /groups/public/search": object({ groups: list(group) }),
  "POST /groups/handle/*/join": group,
  "GET /groups/*/messages": messagesPage,
  "GET /groups/*/members": list(user),
  "GET /groups/*/read-state": shapes.readState,
  "POST /groups/*/read": anything,
  "POST /groups/*/leave": anything,
  "POST /groups/*/invite-links": shapes.invite,
  "GET /join/*": shapes.invitePreview,
  "POST /join/*": group,
  "GET /version": shapes.release,
  "GET /version/check": shapes.releaseCheck,

  "PUT /messages/*": message,
  "DELETE /messages/*": anything,
  "DELETE /conversations/*": anything,
  "POST /media/attachments": shapes.upload,
  "GET /groups/check-handle": available,
  "PUT /groups/*": group,
  "POST /groups/*/members": anything,
  "DELETE /groups/*/members/*": anything,
  "POST /groups/*/avatar": group,
  "POST /users/block/*": anything,
  "POST /users/unblock/*": anything,
  "GET /users/blocks": many,
  "GET /users/*": one,
};

/** @throws Error for a call that no app makes */
export function answerShape(method: string, path: string): Shape {
  const asked = `${method} ${path.split("?", 1)[0]}`;
  const found = Object.entries(answers).find(([call]) =>
    new RegExp(`^${call.replaceAll("*", "[^/]+").replaceAll("/", String.raw`\/`)}$`).test(asked),
  );
  if (found === undefined) throw new Error(`no app calls ${asked}`);
  return found[1];
}
