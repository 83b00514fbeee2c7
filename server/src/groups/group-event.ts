import type { Head } from "./membership-store.ts";

/** A committed change of a group. */
export interface GroupEvent {
  conversationId: number;
  groupId: number;
  /** Of the conversation, after the change. */
  ver: number;
  seq: number;
  /** `changed`: what the group says of itself, or a role. */
  kind: "changed" | "joined" | "left" | "removed";
  /** To whom it happened. */
  userIds: number[];
  /** Who did it. */
  by: number;
}

/** Told once per change, after its commit. It must not throw. */
export type Announce = (event: GroupEvent) => void;

/** What happened to whom, and by whom. */
export type Happening = Pick<GroupEvent, "groupId" | "kind" | "userIds" | "by">;

export function eventOf(happening: Happening, head: Head): GroupEvent {
  return { ...happening, conversationId: head.conversation_id, ver: head.ver, seq: head.seq };
}
