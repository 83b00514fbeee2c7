/** What the import changes, leaves out or refuses, and how it says so. The order is that of the report. */
export const reasons = {
  table_missing: "tables that the source does not have (counted as empty)",
  user_renamed: "usernames that differ from an older user's by case only: renamed",
  user_email_unwrapped: "e-mail addresses with a display name: the address alone is kept",
  user_email_kept: "e-mail addresses that belong to another user too: kept in a form of their own",
  user_closed: "closed accounts: kept without name, e-mail and password, for the messages they wrote",
  group_deleted: "deleted groups: left out",
  group_orphan: "groups without creator and members: left out",
  group_new_creator: "groups whose creator is gone: the oldest admin or member takes the place",
  group_handle_dropped: "group handles that belong to somebody else, or to a private group: dropped",
  member_no_user: "memberships of users that do not exist: left out",
  member_closed: "memberships of closed accounts: left out",
  invite_no_group: "invites to groups that are left out",
  invite_no_creator: "invites of users that do not exist: left out",
  version_invalid: "app versions of an unknown platform or with impossible builds: left out",
  message_deleted: "deleted messages: left out",
  message_no_sender: "messages whose sender does not exist: left out",
  message_no_recipient: "messages whose recipient does not exist: left out",
  message_no_target: "messages to nobody: left out",
  message_no_group: "messages to groups that do not exist: left out",
  message_group_deleted: "messages of deleted groups: left out",
  message_group_orphan: "messages of groups without creator and members: left out",
  message_both_targets: "messages with a recipient and a group: taken as direct messages",
  message_no_client_id: "messages without client_id: one is made from the id",
  message_type_text: "messages that are no text (the first server kept no files): taken as text",
  message_conversation_used: "NOT ADDED: new messages of conversations that were used here since the last import",
  message_late: "NOT ADDED: messages older than what their conversation holds here",
  message_taken: "NOT ADDED: messages whose id or client_id is taken here",
  message_not_placed: "NOT ADDED: messages whose conversation does not exist here",
} as const;
export type Reason = keyof typeof reasons;

/** How many examples of a reason are kept. */
const maxExamples = 10;

/** Counts by reason with some examples, mostly ids. */
export function createIssues() {
  const found = new Map<Reason, { count: number; examples: string[] }>();
  const addMany = (reason: Reason, count: number, examples: readonly (string | number)[]): void => {
    const note = found.get(reason) ?? { count: 0, examples: [] };
    found.set(reason, note);
    note.count += count;
    note.examples.push(...examples.slice(0, maxExamples - note.examples.length).map(String));
  };
  return {
    addMany,
    add: (reason: Reason, example: string | number): void => addMany(reason, 1, [example]),
    /** Reasons that occurred, in the order of the report. */
    list: () =>
      (Object.keys(reasons) as Reason[]).flatMap((reason) => {
        const note = found.get(reason);
        return note === undefined ? [] : [{ reason, text: reasons[reason], ...note }];
      }),
  };
}
export type Issues = ReturnType<typeof createIssues>;

export function isReason(label: string): label is Reason {
  return Object.hasOwn(reasons, label);
}
