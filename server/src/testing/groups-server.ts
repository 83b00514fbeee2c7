import { accountStore } from "../accounts/account-store.ts";
import { createAccessTokens } from "../accounts/access-token.ts";
import { updateMe } from "../accounts/profile.ts";
import { createUserViews } from "../accounts/user-view.ts";
import { composeGroups } from "../compose-groups.ts";
import { parseConfig } from "../config.ts";
import type { GroupEvent } from "../groups/change-group.ts";
import { testSecret } from "./accounts-server.ts";
import type { TestDatabase } from "./databases.ts";
import { openHttp, type TestHttp } from "./http-server.ts";

export interface Person {
  id: number;
  name: string;
  bearer: { authorization: string };
}

/** An answer's status and JSON body, for one comparison. */
export type Said = [status: number, body: unknown];

/** Groups over HTTP on a database. */
export interface TestGroups extends TestHttp {
  /** What was announced, in order. */
  events: GroupEvent[];
  /** New users. */
  people(count: number): Promise<Person[]>;
  /** A JSON request of `who`; undefined: without token. */
  ask(who: Person | undefined, method: string, path: string, body?: unknown): Promise<Said>;
  /** A new group of `admin`; public when it gets a handle. */
  group(admin: Person, handle?: string): Promise<number>;
  /** Who is in a group, in order of joining, as `<id>` or `<id>*` for an admin. */
  members(groupId: number): Promise<string[]>;
}

let made = 0;

export async function openGroups(database: TestDatabase, env: Record<string, string> = {}): Promise<TestGroups> {
  const config = parseConfig(env);
  const tokens = createAccessTokens(testSecret, Date.now);
  const views = createUserViews({ exposeEmails: config.exposeEmails, lookup: async () => () => false });
  const events: GroupEvent[] = [];
  const announce = (event: GroupEvent): void => void events.push(event);
  const groups = composeGroups({ config, db: database.db, writes: database.writes, views, announce });
  const accounts = accountStore(database.db, database.writes);
  const handlers: Parameters<typeof openHttp>[0] = {
    env,
    verify: tokens.verify,
    handlers: { ...groups.routes, updateMe: ({ caller, body }) => updateMe({ accounts, views }, caller, body) },
  };
  const http = await openHttp(handlers);
  const ask: TestGroups["ask"] = async (who, method, path, body) => {
    const answer = await http.call(method, path, { headers: who?.bearer ?? {}, body });
    return [answer.status, answer.json()];
  };
  return {
    ...http,
    events,
    ask,
    async people(count) {
      const names = Array.from({ length: count }, () => `person_${(made += 1)}`);
      const ids = await database.addUsers(...names);
      const person = async (id: number, name: string): Promise<Person> => {
        const token = await tokens.issue({ userId: id, email: `${name}@example.org`, role: "user" });
        return { id, name, bearer: { authorization: `Bearer ${token}` } };
      };
      return Promise.all(ids.map((id, i) => person(id, names[i] ?? "")));
    },
    async group(admin, handle) {
      const face = handle === undefined ? {} : { is_public: true, handle };
      const [, body] = await ask(admin, "POST", "/api/groups", { name: "A group", ...face });
      return (body as { id: number }).id;
    },
    async members(groupId) {
      const rows = await database.rows<{ shown: string }>(
        `select p.user_id || case when p.role = 'admin' then '*' else '' end as shown
         from participants p join conversations c on c.id = p.conversation_id
         where c.group_id = $1 and p.left_at is null order by p.joined_at, p.user_id`,
        [groupId],
      );
      return rows.map(({ shown }) => shown);
    },
  };
}
