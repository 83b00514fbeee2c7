/** Throws, as the app does while parsing, when a value is not of the shape. */
export type Shape = (value: unknown, at: string) => void;

function primitive(name: string, fits: (value: unknown) => boolean): Shape {
  return (value, at) => {
    if (!fits(value)) throw new Error(`${at}: ${name} wanted, got ${JSON.stringify(value)}`);
  };
}
const int = primitive("int", Number.isSafeInteger);
const text = primitive("string", (value) => typeof value === "string");
const filled = primitive("string that is not empty", (value) => typeof value === "string" && value !== "");
const flag = primitive("bool", (value) => typeof value === "boolean");
const time = primitive(
  "RFC 3339 time",
  (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(value),
);

/** Absent and null are the default; anything else must have the type. */
function maybe(shape: Shape): Shape {
  return (value, at) => {
    if (value !== undefined && value !== null) shape(value, at);
  };
}
export function list(shape: Shape): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) throw new Error(`${at}: list wanted, got ${JSON.stringify(value)}`);
    for (const [index, item] of value.entries()) shape(item, `${at}[${index}]`);
  };
}
/** An object with these fields; others are ignored, as the app does. */
export function object(fields: Record<string, Shape>): Shape {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Error(`${at}: object wanted, got ${JSON.stringify(value)}`);
    }
    for (const [name, shape] of Object.entries(fields)) {
      shape((value as Record<string, unknown>)[name], `${at}.${name}`);
    }
  };
}
function anyOf(...shapes: Shape[]): Shape {
  return (value, at) => {
    const faults: unknown[] = [];
    for (const shape of shapes) {
      try {
        return shape(value, at);
      } catch (fault) {
        faults.push(fault);
      }
    }
    throw new Error(faults.join(" and "));
  };
}

// The table of wire contract §7.3: required fields have their shape, optional ones `maybe`.
export const user = object({
  id: int,
  username: text,
  email: text,
  full_name: maybe(text),
  avatar: maybe(text),
  is_online: maybe(flag),
  last_seen: maybe(time),
  is_blocked: maybe(flag),
});
const messageFields = {
  id: int,
  sender_id: int,
  content: text,
  message_type: text,
  status: text,
  client_id: maybe(text),
  sender: maybe(user),
  recipient_id: maybe(int),
  group_id: maybe(int),
  is_delivered: maybe(flag),
  is_read: maybe(flag),
  version: maybe(int),
  reply_to_id: maybe(int),
  reply_to: maybe((value, at) => message(value, at)),
};
export const message: Shape = anyOf(
  object({ ...messageFields, created_at_unix: int }),
  object({ ...messageFields, created_at: time }),
);
export const group = object({
  id: int,
  name: maybe(text),
  icon: maybe(text),
  member_count: maybe(int),
  description: maybe(text),
  is_public: maybe(flag),
  handle: maybe(text),
  creator_id: maybe(int),
});
export const auth = object({ access_token: filled, refresh_token: filled, user });

const entry = { conversation_id: filled, last_message: maybe(message), unread_count: int, last_activity: time };
export const conversationsPage: Shape = (value, at) => {
  object({ conversations: list(anyOf(object({ ...entry, peer: user }), object({ ...entry, group }))) })(value, at);
  const { next_cursor_created_at: createdAt, next_cursor_message_id: messageId } = value as Record<string, unknown>;
  if (createdAt !== undefined || messageId !== undefined) {
    time(createdAt, `${at}.next_cursor_created_at`);
    int(messageId, `${at}.next_cursor_message_id`);
  }
};
export const peers = object({ peers: list(object({ peer: user, last_activity: time, last_message_id: int })) });
export const messagesPage = object({ messages: list(message), next_cursor: maybe(int) });
export const sync = object({ results: list(object({ conversation_id: filled, messages: list(message) })) });
export const readState = object({
  my_last_read_message_id: int,
  members: list(object({ user_id: int, last_read_message_id: int })),
});
export const release = object({
  version: text,
  build_number: int,
  download_url: maybe(text),
  force_update: maybe(flag),
  changelog: maybe(text),
});
export const releaseCheck = object({
  needs_update: flag,
  force_update: flag,
  latest_version: object({ version: text, build_number: int, download_url: maybe(text), changelog: maybe(text) }),
});
export const available = object({ available: flag });
export const upload = object({ url: filled });
export const invite = object({ token: filled, join_url: maybe(text), join_path: maybe(text) });
export const invitePreview = object({ group });
export const anything: Shape = () => undefined;

// Frames that an app handles; it ignores every other type.
const messageFrame = object({ message });
const userStatus = object({ user_id: int, is_online: flag });
const batchable = (value: unknown, at: string): void => {
  const { type } = value as { type?: unknown };
  if (type === "message") messageFrame(value, at);
  else if (type === "user_status") userStatus(value, at);
  else throw new Error(`${at}: a ${String(type)} in a batch is ignored`);
};
const ackFields = object({ client_id: filled, server_id: int, status: maybe(text), created_at_unix: maybe(int) });
export const februaryFrames: Record<string, Shape> = {
  ack: (value, at) => ackFields((value as { payload?: unknown }).payload ?? value, at),
  message: messageFrame,
  read_update: object({ user_id: int, last_read_message_id: int, conversation_id: filled }),
  group_read_update: object({ group_id: int, user_id: int, last_read_message_id: int }),
  typing: object({ sender_id: int, is_typing: maybe(flag), conversation_id: maybe(filled) }),
  batch: object({ messages: list(batchable) }),
  error: object({ code: maybe(text), error: maybe(text), details: maybe(text) }),
};
/** With those of wire contract §7.4. */
export const newestFrames: Record<string, Shape> = {
  ...februaryFrames,
  user_status: userStatus,
  message_edit: messageFrame,
  message_delete: object({
    message: anyOf(object({ id: int, group_id: int }), object({ id: int, sender_id: int, recipient_id: int })),
  }),
  conversation_delete: object({ conversation_id: filled }),
};

/** Fields of §7.4 that stand only where they tell something: a block, a reply. */
const extras: ReadonlySet<string> = new Set(["is_blocked", "reply_to", "reply_to_id"]);

/** Names of the extra fields anywhere in the value. @throws Error when one is there and tells nothing */
export function extraFields(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const more = extraFields(inner);
    if (!extras.has(name)) return more;
    if (inner === null || inner === false || inner === 0) throw new Error(`${name} is ${String(inner)}`);
    return [name, ...more];
  });
}
