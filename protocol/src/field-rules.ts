import { limits } from "./limits.ts";

/**
 * What the documents say of a field beside its type, by its name in bodies, queries, paths and frames. Use-cases judge fields
 * themselves, each with an error of its own, so these are no part of the schemas that requests are checked against.
 */
export const fieldRules: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  // Accounts
  username: { pattern: "^[A-Za-z0-9_]{3,32}$", examples: ["ada"] },
  email: { format: "email", maxLength: limits.emailBytes, examples: ["ada@example.org"] },
  password: { format: "password", minLength: 10, maxLength: limits.passwordChars, examples: ["correct horse battery"] },
  current_password: { format: "password" },
  new_password: { format: "password", minLength: 10, maxLength: limits.passwordChars },
  full_name: { maxLength: limits.fullNameChars },
  // Messages
  content: { minLength: 1, maxLength: limits.messageChars, examples: ["hello"] },
  message_type: { enum: ["text", "image", "file"], default: "text" },
  client_id: { minLength: 1, maxLength: limits.clientIdChars, examples: ["0b6f4a52-7c1e-4d0a-9b1e-3f6f0a1c2d3e"] },
  q: { minLength: 1, maxLength: limits.searchChars },
  muted_until: { format: "date-time" },
  emoji: { minLength: 1, maxLength: 32, examples: ["👍"] },
  mentions: { maxItems: limits.mentions },
  // Groups
  name: { minLength: 1, maxLength: limits.groupNameChars, examples: ["Hikers"] },
  description: { maxLength: limits.groupDescriptionChars },
  handle: { pattern: "^[A-Za-z0-9_]{3,32}$", examples: ["hikers"] },
  token: { pattern: "^[A-Za-z0-9_-]+$" },
  invite: { pattern: "^[A-Za-z0-9_-]+$" },
  note: { maxLength: limits.fullNameChars },
  expires_in_seconds: { minimum: 1 },
  // Parameters of paths and queries; all are text on the line
  id: { type: "integer", minimum: 1 },
  user_id: { type: "integer", minimum: 1 },
  recipient_id: { type: "integer", minimum: 1, examples: [2] },
  exclude_group_id: { type: "integer", minimum: 1 },
  conversation_id: { pattern: "^(user|group)_[0-9]+$", examples: ["user_2"] },
  everyone: { type: "boolean" },
  platform: { enum: ["android", "ios", "web"], default: "android" },
  build: { type: "integer", minimum: 0 },
  limit: { type: "integer", minimum: 1 },
  ver: { type: "integer", minimum: 0 },
  before: { type: "integer", minimum: 1 },
  cursor_message_id: { type: "integer", minimum: 0 },
  cursor_created_at: { format: "date-time" },
};
