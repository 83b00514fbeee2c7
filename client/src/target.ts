/** Whom a message is for. */
export type Target = { userId: number } | { groupId: number };

/** A bare number is a user. */
export function targetOf(to: number | Target): Target {
  return typeof to === "number" ? { userId: to } : to;
}

/** The name of the conversation, as the own user sees it. */
export function conversationIdOf(to: Target): string {
  return "userId" in to ? `user_${to.userId}` : `group_${to.groupId}`;
}

/** How frames name a target. */
export function targetFields(to: Target): { recipient_id: number } | { group_id: number } {
  return "userId" in to ? { recipient_id: to.userId } : { group_id: to.groupId };
}
