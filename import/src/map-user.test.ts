import { expect, test } from "vitest";
import { mapUser, type Taken } from "./map-user.ts";
import type { SourceUser } from "./source-store.ts";

function user(what: Partial<SourceUser>): SourceUser {
  const times = {
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    last_seen: null,
    closed_at: null,
  };
  const profile = { password_hash: "$2a$10$x", full_name: "", avatar: "", role: "user" };
  const email = what.email ?? "nika@example.org";
  return {
    id: 7,
    username: "Nika",
    email,
    address: email,
    ...times,
    ...profile,
    name_rank: 1,
    address_rank: 1,
    ...what,
  };
}
const nothing = (): Taken => ({ names: new Set(), emails: new Set(), expected: new Set() });

test("the name keeps its case and reserves its lower case; the e-mail is in lower case", () => {
  const placed = mapUser(user({ email: "Nika@Example.org" }), nothing());
  expect(placed).toMatchObject({ username: "Nika", name: "nika", email: "nika@example.org" });
});

test("a younger user of the same name gets its id behind it, cut to what a username may have", () => {
  expect(mapUser(user({ name_rank: 2 }), nothing()).username).toBe("Nika_7");
  const long = mapUser(user({ id: 123, username: "n".repeat(32), name_rank: 2 }), nothing());
  expect(long.username).toBe(`${"n".repeat(28)}_123`);
});

test("a made name gives way to one that somebody has or brings along; the one who brings it keeps it", () => {
  const taken = { ...nothing(), expected: new Set(["nika_7"]) };
  expect(mapUser(user({ name_rank: 2 }), taken).username).toBe("Nika_7_om");
  expect(mapUser(user({ id: 9, username: "nika_7" }), taken).username).toBe("nika_7");
});

test("a name that was given away here since is not taken from its owner", () => {
  const taken = { ...nothing(), names: new Set(["nika"]) };
  expect(mapUser(user({}), taken)).toMatchObject({ username: "Nika_7", name: "nika_7" });
});

test("two who are the same only to JavaScript's lower case do not collide", () => {
  const taken = nothing();
  expect(mapUser(user({ email: "ÉMILE@example.org" }), taken).email).toBe("émile@example.org");
  expect(mapUser(user({ id: 8, username: "b", email: "émile@example.org" }), taken).email).toBe("émile@example.org#8");
});

test("a closed account keeps nothing but its id and times", () => {
  const placed = mapUser(user({ closed_at: "2026-02-01T00:00:00Z", full_name: "N", avatar: "a" }), nothing());
  expect(placed).toMatchObject({
    username: "deleted_7",
    email: "deleted_7@invalid",
    name: null,
    password_hash: "-",
    full_name: "",
  });
});
