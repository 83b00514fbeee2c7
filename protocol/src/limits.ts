/** Bounds that are part of the wire: both sides may rely on them. Sizes are bytes unless a name says otherwise. */
export const limits = {
  /** A JSON body without a token; above it, as above the next three, 413. */
  anonymousBodyBytes: 4 * 1024,
  /** A JSON body with a token. */
  bodyBytes: 16 * 1024,
  /** A body with a message's text: 16,000 characters fit however they are escaped. It grows with a server's MAX_MESSAGE_LENGTH. */
  messageBodyBytes: 200 * 1024,
  /** The body of a sync: `syncConversations` fit. */
  syncBodyBytes: 512 * 1024,
  /** One inbound WebSocket frame, inflated if it is gzip; above it a `message_too_long` or `invalid_message` error frame. */
  frameBytes: 128 * 1024,
  /** The same of a `sync`, whose `type` must stand first. */
  syncFrameBytes: 512 * 1024,
  /** One inbound WebSocket frame at all; above it the socket closes with 1009. */
  frameHardBytes: 1024 * 1024,
  /** A push shorter than or equal to this is never compressed. */
  gzipAboveBytes: 512,
  clientIdChars: 36,
  /** What is longer is cut. */
  fullNameChars: 128,
  /** Characters of a password at the most. */
  passwordChars: 128,
  /** A message in characters (code points), trimmed, unless the operator has set MAX_MESSAGE_LENGTH. */
  messageChars: 16_000,
  emailBytes: 254,
  historyPage: 100,
  readersPage: 1_000,
  conversationsPage: 100,
  syncMessages: 200,
  syncConversations: 5_000,
  /** All messages of one sync answer together; what is left over is announced by `has_more`. */
  syncTotalMessages: 5_000,
  /** Their content together, in UTF-16 units. */
  syncTotalText: 1024 * 1024,
  /** Text in one `sync_response`, in UTF-16 units; what is left over is announced by `has_more`. */
  syncResponseText: 64 * 1024,
  /** Queued frames in one `batch`, and their text in UTF-16 units; a longer message goes alone. */
  batchFrames: 50,
  batchText: 64 * 1024,
  sessionsPage: 100,
  /** Different emoji on one message, and people who react to it. */
  reactionKinds: 20,
  reactionPeople: 200,
  /** People whom one message mentions; what comes beyond is left out. */
  mentions: 50,
  searchResults: 50,
  /** Characters of a text that is searched for in messages; what is longer is cut. Its first 20 words count. */
  searchChars: 200,
  changesPage: 500,
  /** People, and members of one group, whose changes are told one by one. */
  changedUsers: 500,
  /** Users whom one user may block. */
  blocks: 1_000,
  groupNameChars: 100,
  groupDescriptionChars: 255,
  groupMembers: 10_000,
  /** Groups in one list of one's own groups, the newest first. */
  groupsPage: 1_000,
  /** Invite links in one list, the newest first. */
  invitesPage: 1_000,
  /** The file of an avatar or of a group's icon; above it `avatar_too_large`. */
  avatarBytes: 5 * 1024 * 1024,
  /** The file of an attachment; above it `attachment_too_large`. */
  attachmentBytes: 25 * 1024 * 1024,
  /** What a multipart body may have around its file; above it 413. */
  multipartBytes: 3 * 1024 * 1024,
} as const;
