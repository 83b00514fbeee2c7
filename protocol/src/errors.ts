/**
 * The closed list of errors: code → HTTP status and text (wire contract §2.4, §4.6). `retry` says whether the same request may
 * succeed later without being changed. A use-case throws one of these by name (`OmError`); only the transports turn it into bytes.
 */
export const errors = {
  // Requests in general
  invalid_request_body: { status: 400, text: "Invalid request body", retry: false },
  internal_error: { status: 500, text: "Internal server error", retry: true },
  too_many_attempts: { status: 429, text: "Too many attempts, please wait", retry: true },
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
  registration_failed: { status: 400, text: "Registration failed", retry: false },
  missing_fields: { status: 400, text: "Email and password are required", retry: false },
  invalid_credentials: { status: 401, text: "Invalid credentials", retry: false },
  invalid_refresh: { status: 401, text: "Invalid refresh token", retry: false },
  missing_username: { status: 400, text: "Username is required", retry: false },
  update_profile_failed: { status: 400, text: "Profile could not be updated", retry: false },
  missing_query: { status: 400, text: "Search query is required", retry: false },
  invalid_user_id: { status: 400, text: "Invalid user ID", retry: false },
  user_not_found: { status: 404, text: "User not found", retry: false },
  // Conversations
  invalid_cursor_created_at: { status: 400, text: "Invalid cursor_created_at", retry: false },
  invalid_cursor_message_id: { status: 400, text: "Invalid cursor_message_id", retry: false },
  fetch_conversations_failed: { status: 500, text: "Internal server error", retry: true },
  fetch_recent_peers_failed: { status: 500, text: "Internal server error", retry: true },
  invalid_peer_id: { status: 400, text: "Invalid peer_id", retry: false },
  mark_conversation_read_failed: { status: 500, text: "Internal server error", retry: true },
  // Messages over HTTP
  missing_recipient: { status: 400, text: "recipient_id is required", retry: false },
  invalid_recipient: { status: 400, text: "Invalid recipient_id", retry: false },
  invalid_cursor: { status: 400, text: "Invalid cursor", retry: false },
  fetch_messages_failed: { status: 500, text: "Internal server error", retry: true },
  missing_content: { status: 400, text: "Content is required", retry: false },
  client_id_conflict: { status: 400, text: "client_id already used", retry: false },
  send_message_failed: { status: 500, text: "Internal server error", retry: true },
  missing_conversations: { status: 400, text: "conversations is required", retry: false },
  too_many_conversations: { status: 400, text: "Too many conversations in one request", retry: false },
  invalid_conversation_id: { status: 400, text: "conversation_id is required", retry: false },
  sync_failed: { status: 500, text: "Internal server error", retry: true },
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
  not_found: { status: 404, text: "Not found", retry: false },
  media_fetch_failed: { status: 500, text: "Internal server error", retry: true },
  malformed_group_id: { status: 400, text: "Invalid group ID", retry: false },
  forbidden: { status: 403, text: "Forbidden", retry: false },
} as const satisfies Record<string, { status: number; text: string; retry: boolean }>;

export type ErrorCode = keyof typeof errors;

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
  save_failed: "Failed to save message",
  missing_server_id: "server_id is required",
  invalid_status: "Invalid status",
  missing_group_id: "group_id is required",
  validate_message_failed: "Failed to validate message",
  invalid_message_id: "Message does not belong to group",
  latest_message_failed: "Failed to get latest message",
  mark_group_read_failed: "Failed to update read state",
} as const;

export type FrameErrorCode = keyof typeof frameErrors;
