import { startSystemPostgres, type PostgresServer } from "@om/services";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedConversations, expectedGroups, expectedUsers, keepsGroup } from "./fixtures/first-server-expected.ts";
import { addOddRows } from "./fixtures/first-server-odd-rows.ts";
import { generateRows, oldPassword, oldToken, type OldRows } from "./fixtures/first-server-rows.ts";
import { createFirstServer } from "./fixtures/first-server.ts";
import { dumpImport } from "./fixtures/import-dump.ts";
import { importTarget, type ImportTestTarget } from "./fixtures/import-target.ts";
import { startTestServer } from "@om/server/fixtures/test-server";
import { createProgress } from "../src/progress.ts";
import type { Report } from "../src/report.ts";
import { runImport } from "../src/run-import.ts";

const size = {
  users: Number(process.env["IMPORT_TEST_USERS"] ?? 300),
  messages: Number(process.env["IMPORT_TEST_MESSAGES"] ?? 6_000),
};

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startSystemPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** JSON of PostgreSQL writes times with an offset. */
const time = (text: string | null): string | null => (text === null ? null : `${text.slice(0, -1)}+00:00`);

describe.each([
  ["orm", "PostgreSQL"],
  ["migrations", "embedded"],
] as const)("a database made by %s, into %s", (variant, kind) => {
  let rows: OldRows;
  let target: ImportTestTarget;
  let report: Report;
  let dump: Record<string, unknown[]>;
  beforeAll(async () => {
    rows = generateRows({ ...size, seed: 7 });
    addOddRows(rows, { oddVersion: variant === "orm" });
    const url = await createFirstServer(postgres, variant, rows);
    target = importTarget(kind, postgres);
    report = await target.open((to) =>
      runImport({
        from: { connectionString: url },
        to,
        pageSize: 777,
        progress: createProgress({ write: () => undefined }),
      }),
    );
    dump = await dumpImport(target);
  });
  afterAll(() => target[Symbol.asyncDispose]());

  test("users keep ids, passwords and profiles; names and e-mails are unique", () => {
    expect(dump["users"]).toEqual(
      expectedUsers(rows).map((user) => ({
        id: user.id,
        created_at: time(user.created_at ?? user.updated_at),
        updated_at: time(user.updated_at),
        deleted_at: time(user.deleted_at),
        username: user.username,
        email: user.email,
        password_hash: user.password_hash,
        full_name: user.full_name ?? "",
        avatar: user.avatar ?? "",
        role: "user",
        last_seen: time(user.last_seen),
        name: user.deleted_at === null ? user.username.toLowerCase() : null,
        list_ver: 0,
      })),
    );
  });

  test("groups keep ids and free handles, and have a creator who exists", () => {
    expect(dump["groups"]).toEqual(
      expectedGroups(rows).map((group) => ({
        id: group.id,
        created_at: time(group.created_at),
        updated_at: time(group.updated_at),
        name: group.name,
        description: group.description ?? "",
        icon: group.icon ?? "",
        creator_id: group.creator_id,
        is_public: group.is_public,
        handle: group.handle,
        reserved: group.handle?.toLowerCase() ?? null,
      })),
    );
  });

  test("messages keep ids and are numbered without gaps; positions are exact", () => {
    const expected = expectedConversations(rows).sort((a, b) => (a.key < b.key ? -1 : 1));
    const conversations = expected.map(({ key, messages, people }) => ({
      key,
      seq: messages.length,
      // A group without messages has its first version.
      ver: Math.max(1, messages.length),
      members: key.startsWith("group ") ? people.length : 0,
      revised_ver: 0,
      last_message_id: messages.at(-1)?.id ?? null,
      last_message_at: time(messages.at(-1)?.created_at ?? null),
    }));
    const inOrder = (list: { key: string }[]): unknown[] => list.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    expect(inOrder(dump["conversations"] as { key: string }[])).toEqual(conversations);

    const messages = expected.flatMap(({ key, messages }) =>
      messages.map((message, i) => [
        key,
        i + 1,
        message.id,
        i + 1,
        i + 1,
        message.sender_id,
        message.client_id === "" ? madeClientId(rows, message) : message.client_id,
        "text",
        message.content,
        time(message.created_at),
        1,
        false,
      ]),
    );
    expect(dump["messages"]).toEqual(messages.sort((a, b) => Number(a[2]) - Number(b[2])));

    const people = expected.flatMap(({ key, people }) =>
      people.map((one) => [key, one.user, one.role, 0, one.read, one.delivered, 0, one.sent, one.sentAtRead, 0, true]),
    );
    const sorted = (list: unknown[]): string[] => list.map((one) => JSON.stringify(one)).toSorted();
    expect(sorted(dump["participants"] ?? [])).toEqual(sorted(people));
  });

  test("live sessions, invites and app versions", () => {
    const users = new Map(rows.users.map((user) => [user.id, user]));
    const live = rows.refresh_tokens.filter(
      (token) =>
        token.revoked_at === null &&
        token.deleted_at === null &&
        token.expires_at > "2027" &&
        users.get(token.user_id)?.deleted_at === null,
    );
    expect(dump["tokens"]).toEqual(
      live
        .map((token) => ({
          token_hash: token.token_hash,
          expires_at: time(token.expires_at),
          replaced_at: null,
          user_id: token.user_id,
          created_at: time(token.created_at),
          last_used_at: time(token.created_at),
          revoked_at: null,
        }))
        .toSorted((a, b) => (a.token_hash < b.token_hash ? -1 : 1)),
    );
    const groups = new Set(rows.groups.filter((group) => keepsGroup(rows, group)).map(({ id }) => id));
    const invites = rows.group_invite_links.filter(
      ({ deleted_at, group_id, created_by }) => deleted_at === null && groups.has(group_id) && users.has(created_by),
    );
    const byToken = (list: { token: string }[]): unknown[] => list.toSorted((a, b) => (a.token < b.token ? -1 : 1));
    expect(byToken(dump["invites"] as { token: string }[])).toEqual(
      byToken(
        invites.map(({ id: _id, deleted_at: _deleted, ...invite }) => ({
          ...invite,
          created_at: time(invite.created_at),
          expires_at: time(invite.expires_at),
          revoked_at: time(invite.revoked_at),
        })),
      ),
    );
    const versions = dump["versions"] as { id: number; platform: string; build_number: number; release_date: string }[];
    const own = variant === "migrations" ? [1] : [];
    expect(versions.map(({ id }) => id)).toEqual([...own, 7, 8, 9]);
    expect(versions.at(-1)).toMatchObject({
      platform: "android",
      build_number: 9,
      is_active: true,
      changelog: "better",
    });
    if (variant === "migrations") expect(versions[0]?.release_date).toBe("2026-01-02T03:04:05+00:00");
  });

  test("the report counts everything, names what is odd, and finds both sides equal", () => {
    expect(report).toMatchObject({
      complete: true,
      dryRun: false,
      repeat: false,
      comparison: { different: 0, used: 0 },
    });
    const messages = expectedConversations(rows).reduce((n, { messages }) => n + messages.length, 0);
    expect(report.counts.messages).toEqual({ expected: messages, here: messages });
    expect(report.counts.users).toEqual({ expected: rows.users.length, here: rows.users.length });
    const noText = expectedConversations(rows)
      .flatMap(({ messages }) => messages)
      .filter(({ message_type: type }) => type !== "text").length;
    const counted = Object.fromEntries(report.issues.map(({ reason, count }) => [reason, count]));
    const inGroup3 = rows.messages.filter(
      ({ group_id, recipient_id, deleted_at }) => group_id === 3 && recipient_id === null && deleted_at === null,
    ).length;
    expect(counted).toEqual({
      user_renamed: 2,
      user_email_unwrapped: 2,
      user_email_kept: 3,
      user_closed: 2,
      group_deleted: 1,
      group_orphan: 1,
      group_new_creator: 1,
      group_handle_dropped: 3,
      member_no_user: 1,
      member_closed: counted["member_closed"],
      invite_no_group: 3,
      invite_no_creator: 1,
      ...(variant === "orm" ? { version_invalid: 1 } : {}),
      message_deleted: 2,
      message_no_sender: 1,
      message_no_recipient: 2,
      message_no_target: 2,
      message_no_group: 1,
      message_group_deleted: inGroup3,
      message_group_orphan: 1,
      message_both_targets: 2,
      message_no_client_id: 3,
      message_type_text: noText,
    });
    expect(report.issues.find(({ reason }) => reason === "user_renamed")?.examples).toContain("10: nika → nika_10_om");
  });

  test("on the imported data old passwords log in, old tokens refresh, and new ids lie above the old ones", async () => {
    await using server = await startTestServer({ env: target.env });
    const login = await server.request("POST", "/api/auth/login", {
      body: { email: "Free@example.org", password: oldPassword },
    });
    expect(login.status).toBe(200);
    expect(login.json()["user"]).toMatchObject({ id: 15 });
    const closed = await server.request("POST", "/api/auth/login", {
      body: { email: "deleted_24@invalid", password: oldPassword },
    });
    expect(closed.status).not.toBe(200);
    const live = rows.refresh_tokens.find((token) => token.revoked_at === null && token.deleted_at === null);
    const refreshed = await server.request("POST", "/api/auth/refresh", {
      cookie: `om_refresh=${oldToken(live?.user_id ?? 0)}`,
    });
    expect(refreshed.status).toBe(200);
    const { access_token: token } = refreshed.json() as { access_token: string };
    const revoked = await server.request("POST", "/api/auth/refresh", { cookie: `om_refresh=${oldToken(5)}` });
    expect(revoked.status).toBe(401);
    const newcomer = await server.register("newcomer");
    expect(newcomer.id).toBeGreaterThan(rows.users.length);
    const sent = await server.request("POST", "/api/messages", {
      token,
      body: { recipient_id: newcomer.id, content: "first message here" },
    });
    expect(sent.status).toBe(201);
    expect(sent.json()["id"]).toBeGreaterThan(rows.messages.at(-1)?.id ?? 0);
    const list = await server.request("GET", "/api/conversations?limit=100", { token });
    expect(list.status).toBe(200);
  });
});

function madeClientId(rows: OldRows, { id, sender_id }: { id: number; sender_id: number }): string {
  const made = `import-${id}`;
  const taken = rows.messages.some((one) => one.sender_id === sender_id && one.client_id === made);
  return taken ? `${made}-${sender_id}` : made;
}
