import type { UserViews } from "../accounts/user-view.ts";
import type { ConversationStore } from "../conversations/conversation-store.ts";
import type { AdvancePosition } from "../conversations/mark-read.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Caller } from "../platform/caller.ts";
import type { Erased } from "./erasure-store.ts";
import type { RevisionStore } from "./revision-store.ts";
import type { MessageStore } from "./message-store.ts";
import type { Draft, SendRules, Sent } from "./send-message.ts";

/** What the use-cases of this feature share; each names those that it needs. */
export interface MessageDeps {
  store: MessageStore;
  conversations: ConversationStore;
  revisions: RevisionStore;
  views: UserViews;
  bus: Bus;
  rules: SendRules;
  send: (caller: Caller, draft: Draft) => Promise<Sent>;
  advance: AdvancePosition;
  /** Erases what has just been deleted if it is wanted at once. */
  erase: (deleted: Erased, atOnce: boolean) => Promise<void>;
  /** Of some users, those with whom the user has a block. */
  blockedAmong: (userId: number, others: readonly number[]) => Promise<number[]>;
  /** Whether a user may now read an attachment that somebody else has uploaded. */
  canRead: (claim: { key: string; userId: number }) => Promise<boolean>;
}
