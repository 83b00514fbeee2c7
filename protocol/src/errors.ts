import { Type, type Static } from "./typebox.ts";

/**
 * The closed list of errors: code → HTTP status and text (wire contract §2.4, §4.6). `retry` says whether the same request may
 * succeed later without being changed. A use-case throws one of these by name (`OmError`); only the transports turn it into bytes.
 */
export const errors = {
  // Requests in general
  invalid_request_body: { status: 400, text: "Invalid request body", retry: false },
  forbidden: { status: 403, text: "Forbidden", retry: false },
  internal_error: { status: 500, text: "Internal server error", retry: true },
  request_too_slow: { status: 408, text: "The request arrived too slowly", retry: true },
  too_many_attempts: { status: 429, text: "Too many attempts, please wait", retry: true },
  rate_limited: { status: 429, text: "Too many requests, please wait", retry: true },
  unavailable: { status: 503, text: "Service temporarily unavailable", retry: true },
  // Who is asking
  forbidden_origin: { status: 403, text: "Origin not allowed", retry: false },
  missing_access_token: { status: 401, text: "Missing access token", retry: false },
  invalid_access_token: { status: 401, text: "Invalid or expired token", retry: false },
  invalid_authorization: { status: 401, text: "Invalid authorization format", retry: false },
  unauthorized: { status: 401, text: "Unauthorized", retry: false },
  csrf_required: { status: 403, text: "Missing CSRF token", retry: false },
  csrf_invalid: { status: 403, text: "Invalid CSRF token", retry: false },
  // Accounts
  invalid_email: { status: 400, text: "Invalid email", retry: false },
  invalid_username: { status: 400, text: "Invalid username", retry: false },
  weak_password: { status: 400, text: "Password is too short", retry: false },
  password_too_long: { status: 400, text: "Password is longer than 128 characters", retry: false },
  registration_failed: { status: 400, text: "Registration failed", retry: false },
  registration_closed: { status: 403, text: "Nobody can register here", retry: false },
  invite_required: { status: 403, text: "You need an invitation to register here", retry: false },
  invalid_invite: { status: 403, text: "This invitation cannot be used any more", retry: false },
  email_not_allowed: { status: 403, text: "Addresses of this kind cannot register here", retry: false },
  account_waiting: { status: 403, text: "Your account is made and waits for an administrator", retry: false },
  account_disabled: { status: 403, text: "This account is disabled", retry: false },
  invalid_link: { status: 400, text: "This link cannot be used any more", retry: false },
  missing_fields: { status: 400, text: "Email and password are required", retry: false },
  invalid_credentials: { status: 401, text: "Invalid credentials", retry: false },
  invalid_refresh: { status: 401, text: "Invalid refresh token", retry: false },
  missing_username: { status: 400, text: "Username is required", retry: false },
  update_profile_failed: { status: 400, text: "Profile could not be updated", retry: false },
  missing_query: { status: 400, text: "Search query is required", retry: false },
  invalid_user_id: { status: 400, text: "Invalid user ID", retry: false },
  session_not_found: { status: 404, text: "Session not found", retry: false },
  user_not_found: { status: 404, text: "User not found", retry: false },
  // Administration
  not_allowed: { status: 403, text: "Your role does not allow this", retry: false },
  last_administrator: { status: 400, text: "There must be another administrator first", retry: false },
  own_account: { status: 400, text: "Not to your own account", retry: false },
  invite_not_found: { status: 404, text: "Invitation not found", retry: false },
  // Conversations
  invalid_cursor_created_at: { status: 400, text: "Invalid cursor_created_at", retry: false },
  invalid_cursor_message_id: { status: 400, text: "Invalid cursor_message_id", retry: false },
  fetch_conversations_failed: { status: 500, text: "Internal server error", retry: true },
  fetch_recent_peers_failed: { status: 500, text: "Internal server error", retry: true },
  invalid_peer_id: { status: 400, text: "Invalid peer_id", retry: false },
  mark_conversation_read_failed: { status: 500, text: "Internal server error", retry: true },
  delete_conversation_failed: { status: 500, text: "Internal server error", retry: true },
  invalid_time: { status: 400, text: "Invalid time", retry: false },
  conversation_not_found: { status: 404, text: "Conversation not found", retry: false },
  // Messages over HTTP
  missing_recipient: { status: 400, text: "recipient_id is required", retry: false },
  invalid_recipient: { status: 400, text: "Invalid recipient_id", retry: false },
  invalid_cursor: { status: 400, text: "Invalid cursor", retry: false },
  fetch_messages_failed: { status: 500, text: "Internal server error", retry: true },
  missing_content: { status: 400, text: "Content is required", retry: false },
  message_too_long: { status: 400, text: "Message is too long", retry: false },
  client_id_conflict: { status: 400, text: "client_id already used", retry: false },
  send_message_failed: { status: 500, text: "Internal server error", retry: true },
  missing_conversations: { status: 400, text: "conversations is required", retry: false },
  too_many_conversations: { status: 400, text: "Too many conversations in one request", retry: false },
  invalid_conversation_id: { status: 400, text: "conversation_id is required", retry: false },
  message_not_found: { status: 404, text: "Message not found", retry: false },
  invalid_emoji: { status: 400, text: "A reaction is one emoji", retry: false },
  too_many_reactions: { status: 400, text: "The message has all the reactions it can hold", retry: false },
  edit_message_failed: { status: 500, text: "Internal server error", retry: true },
  delete_message_failed: { status: 500, text: "Internal server error", retry: true },
  // Messages of groups
  invalid_group_id: { status: 400, text: "Invalid group id", retry: false },
  not_group_member: { status: 403, text: "Not a group member", retry: false },
  missing_client_id: { status: 400, text: "client_id is required", retry: false },
  invalid_message_id: { status: 400, text: "Message does not belong to group", retry: false },
  mark_group_read_failed: { status: 500, text: "Internal server error", retry: true },
  get_read_state_failed: { status: 500, text: "Internal server error", retry: true },
  sync_failed: { status: 500, text: "Internal server error", retry: true },
  // Groups and invites
  malformed_group_id: { status: 400, text: "Invalid group ID", retry: false },
  group_name_missing: { status: 400, text: "Group name is required", retry: false },
  group_text_too_long: { status: 400, text: "Group name or description is too long", retry: false },
  invalid_handle: { status: 400, text: "Invalid handle", retry: false },
  handle_taken: { status: 400, text: "handle already taken", retry: false },
  create_group_failed: { status: 500, text: "Failed to create group", retry: true },
  fetch_groups_failed: { status: 500, text: "Failed to fetch groups", retry: true },
  search_groups_failed: { status: 500, text: "Failed to search groups", retry: true },
  group_not_found: { status: 404, text: "Group not found", retry: false },
  record_not_found: { status: 400, text: "record not found", retry: false },
  group_private: { status: 400, text: "group is private", retry: false },
  already_member: { status: 400, text: "user is already a member of this group", retry: false },
  not_addable: {
    status: 403,
    text: "This person lets only others add them to groups; send them an invite link",
    retry: false,
  },
  group_full: { status: 400, text: "group is full", retry: false },
  leave_group_failed: { status: 500, text: "Failed to leave group", retry: true },
  fetch_members_failed: { status: 500, text: "Failed to fetch members", retry: true },
  last_admin: { status: 400, text: "the last admin cannot be demoted", retry: false },
  not_group_admin: { status: 400, text: "forbidden", retry: false },
  invite_revoked: { status: 400, text: "invite link revoked", retry: false },
  invite_expired: { status: 400, text: "invite link expired", retry: false },
  invite_exhausted: { status: 400, text: "invite link exhausted", retry: false },
  // App versions
  missing_build: { status: 400, text: "build parameter is required", retry: false },
  update_check_failed: { status: 500, text: "Internal server error", retry: true },
  // Media
  missing_avatar: { status: 400, text: "avatar file is required", retry: false },
  invalid_avatar: { status: 400, text: "Invalid avatar upload", retry: false },
  avatar_too_large: { status: 400, text: "Avatar is too large", retry: false },
  avatar_unsupported: { status: 400, text: "Unsupported image type", retry: false },
  avatar_invalid: { status: 400, text: "Invalid image", retry: false },
  avatar_upload_failed: { status: 500, text: "Internal server error", retry: true },
  avatar_delete_failed: { status: 500, text: "Internal server error", retry: true },
  missing_attachment: { status: 400, text: "attachment file is required", retry: false },
  invalid_attachment: { status: 400, text: "Invalid attachment upload", retry: false },
  attachment_too_large: { status: 400, text: "Attachment is too large", retry: false },
  attachment_invalid: { status: 400, text: "Invalid image", retry: false },
  attachment_upload_failed: { status: 500, text: "Internal server error", retry: true },
  storage_not_configured: { status: 503, text: "Storage not configured", retry: false },
  quota_exceeded: { status: 413, text: "Your storage is full", retry: false },
  storage_full: { status: 507, text: "The server has no room for files", retry: true },
  not_found: { status: 404, text: "Not found", retry: false },
  range_not_satisfiable: { status: 416, text: "The file has no such range", retry: false },
  media_fetch_failed: { status: 500, text: "Internal server error", retry: true },
} as const satisfies Record<string, { status: number; text: string; retry: boolean }>;

export const ErrorCode = Type.Enum(Object.keys(errors) as (keyof typeof errors)[]);
export type ErrorCode = Static<typeof ErrorCode>;

/** Refusals that come before a route's use-case: they look alike on all routes. */
export const earlyErrors: ReadonlySet<ErrorCode> = new Set([
  "forbidden_origin",
  "missing_access_token",
  "invalid_access_token",
  "invalid_authorization",
  "unauthorized",
  "request_too_slow",
  "csrf_required",
  "csrf_invalid",
  "too_many_attempts",
  "rate_limited",
  "unavailable",
]);

/** How an error is answered. */
export const ErrorAnswer = Type.Object({ error: Type.String(), code: ErrorCode, request_id: Type.String() });
export type ErrorAnswer = Static<typeof ErrorAnswer>;

/** How a route with `errors: "text"` answers its own errors. */
export const ErrorText = Type.Object({ error: Type.String() });

/** Error frames on a WebSocket: code → text. `save_failed` answers whatever a sender may simply try again later. */
export const frameErrors = {
  decompression_failed: "Failed to decompress message",
  invalid_message: "Invalid message format",
  processing_failed: "Failed to process message",
  missing_client_id: "client_id is required",
  missing_recipient: "recipient_id or group_id is required",
  invalid_target: "Only one of recipient_id or group_id is allowed",
  membership_check_failed: "Failed to check group membership",
  not_group_member: "Not a group member",
  message_too_long: "Message is too long",
  save_failed: "Failed to save message",
  missing_server_id: "server_id is required",
  invalid_status: "Invalid status",
  missing_group_id: "group_id is required",
  validate_message_failed: "Failed to validate message",
  invalid_message_id: "Message does not belong to group",
  latest_message_failed: "Failed to get latest message",
  mark_group_read_failed: "Failed to update read state",
} as const;

export const FrameErrorCode = Type.Enum(Object.keys(frameErrors) as (keyof typeof frameErrors)[]);
export type FrameErrorCode = Static<typeof FrameErrorCode>;
