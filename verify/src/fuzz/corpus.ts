import type { Input } from "./inputs.ts";

/** Inputs that once broke something, and what that was. Whatever the fuzzer finds goes here as it prints it. */
export const corpus: readonly { broke: string; input: Input }[] = [
  {
    broke: "a line that is torn within the body has no address any more: TypeError in networkOf, 500",
    input: {
      kind: "http",
      as: 0,
      by: "bearer",
      method: "GET",
      target: "/api/groups/1/read-state",
      headers: [],
      body: { text: "torn" },
      length: "right",
      sent: 0.99,
    },
  },
  {
    broke: "who asked for the connection to be closed and sent a body that nobody wanted was left waiting for 65 s",
    input: {
      kind: "http",
      as: 4,
      by: "bearer",
      method: "POST",
      target: "/api/auth/logout",
      headers: [["content-type", "application/json"]],
      body: { text: "loo" },
      length: "right",
      sent: 1,
    },
  },
  {
    broke: "a forward of a message whose number no bigint holds: 22P02 of PostgreSQL, logged as an error of the server",
    input: {
      kind: "http",
      as: 0,
      by: "bearer",
      method: "POST",
      target: "/api/messages",
      headers: [["content-type", "application/json"]],
      body: { text: '{"recipient_id":2,"content":"x","forward_of_id":1e300}' },
      length: "right",
      sent: 1,
    },
  },
];
