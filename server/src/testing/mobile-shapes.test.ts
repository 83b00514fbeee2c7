import { expect, test } from "vitest";
import { answerShape } from "./mobile-routes.ts";
import { extraFields, februaryFrames, newestFrames } from "./mobile-shapes.ts";

const user = { id: 7, username: "nika", email: "", full_name: "", avatar: "", is_online: true, last_seen: null };
const message = {
  id: 1,
  client_id: "c",
  sender_id: 7,
  content: "salam",
  message_type: "text",
  status: "sent",
  created_at_unix: 1,
};
const entry = { conversation_id: "user_7", peer: user, group: null, last_message: message, unread_count: 0 };
const page = (more: object) => ({ conversations: [{ ...entry, last_activity: "2026-03-04T05:06:07Z", ...more }] });
const parse = (call: string, value: unknown) => () =>
  answerShape(...(call.split(" ") as [string, string]))(value, "it");
const frame = (type: string, value: object) => () => newestFrames[type]?.({ type, ...value }, type);

test("what an app can read passes", () => {
  for (const one of [
    parse("GET /users/me", { user }),
    parse("GET /users/blocks?x=1", { users: [{ ...user, is_blocked: true }] }),
    parse("GET /messages?recipient_id=7", { messages: [{ ...message, reply_to: message }] }),
    parse("GET /conversations", page({})),
    parse("GET /conversations", page({ peer: null, group: { id: 3 }, last_message: null })),
    frame("ack", { payload: { client_id: "c", server_id: 1 } }),
    frame("ack", { client_id: "c", server_id: 1 }),
    frame("batch", { messages: [{ type: "message", message }] }),
    frame("message_delete", { message: { id: 1, group_id: 3 } }),
    frame("message_delete", { message: { id: 1, group_id: null, sender_id: 7, recipient_id: 9 } }),
  ]) {
    expect(one).not.toThrow();
  }
  expect(Object.keys(februaryFrames)).not.toContain("message_edit");
});

test.each([
  ["a user without e-mail", parse("GET /users/me", { user: { ...user, email: null } }), /it\.user\.email/],
  ["an id as text", parse("GET /users/7", { user: { ...user, id: "7" } }), /it\.user\.id/],
  ["an optional field of another type", parse("GET /users/me", { user: { ...user, avatar: 1 } }), /avatar/],
  ["a message without any time", parse("PUT /messages/1", { ...message, created_at_unix: null }), /created_at/],
  ["a reply to half a message", parse("PUT /messages/1", { ...message, reply_to: { id: 1 } }), /reply_to\.sender_id/],
  ["an entry without its name", parse("GET /conversations", page({ conversation_id: "" })), /conversation_id/],
  ["an entry that is neither", parse("GET /conversations", page({ peer: null })), /peer.*group/],
  ["half a cursor", parse("GET /conversations", { conversations: [], next_cursor_message_id: 0 }), /created_at/],
  ["no list", parse("GET /groups", { groups: [] }), /list wanted/],
  ["an ack that names no message", frame("ack", { payload: { client_id: "c" } }), /server_id/],
  ["an edit in a batch", frame("batch", { messages: [{ type: "message_edit", message }] }), /ignored/],
  ["a delete of nowhere", frame("message_delete", { message: { id: 1, sender_id: 7 } }), /recipient_id/],
  ["a call that no app makes", parse("GET /metrics", {}), /no app calls/],
])("does not pass: %s", (_, one, fault) => expect(one).toThrow(fault));

test("extra fields are found at any depth and must tell something", () => {
  expect(extraFields({ users: [{ ...user, is_blocked: true }, user] })).toEqual(["is_blocked"]);
  expect(extraFields({ ...message, reply_to_id: 2, reply_to: message })).toEqual(["reply_to_id", "reply_to"]);
  expect(() => extraFields({ user: { ...user, is_blocked: false } })).toThrow("is_blocked is false");
  expect(() => extraFields([{ ...message, reply_to: null }])).toThrow("reply_to is null");
});
