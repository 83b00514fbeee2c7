import type { Account, Role } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { UsageError, type Command, type Said, type Values } from "./command.ts";
import type { Operator } from "./open-operator.ts";

const roles = ["administrator", "moderator", "user", "bot"] as const;
const states = ["open", "waiting", "disabled"] as const;
const text = (meaning: string) => ({ type: "string", meaning }) as const;
const flag = (meaning: string) => ({ type: "boolean", meaning }) as const;

/** What `--option` may be; undefined when it is not given. @throws UsageError */
function oneOf<T extends string>(values: Values, option: string, allowed: readonly T[]): T | undefined {
  const given = values[option];
  if (given === undefined) return undefined;
  const found = allowed.find((one) => one === given);
  if (found === undefined) throw new UsageError(`--${option}: one of ${allowed.join(", ")}`);
  return found;
}

/** By id, username or e-mail address. @throws OmError `user_not_found` */
export async function find(operator: Operator, [who = ""]: readonly string[]): Promise<number> {
  const [id, another] = await operator.idsOf(who);
  if (id === undefined) throw new OmError("user_not_found", `Nobody is called ${who}`);
  if (another !== undefined)
    throw new OmError("user_not_found", `${who} is the id of one and the name of another: say the e-mail address`);
  return id;
}

const row = ({ id, username, email, role, state, sessions, last_seen }: Account) => ({
  id,
  username,
  email,
  role,
  state,
  sessions,
  last_seen,
});

const saidOf = (account: Account, line: string): Said => ({ json: account, text: line });

const takesWho = { takes: "WHO" };

export const userCommands: Record<string, Command> = {
  "user list": {
    takes: "",
    does: "People, by id.",
    options: {
      state: text(states.join(", ")),
      role: text(roles.join(", ")),
      find: text("part of a username, full name or e-mail address"),
    },
    async run(operator, { values }) {
      const [state, role] = [oneOf(values, "state", states) ?? "", oneOf(values, "role", roles) ?? ""] as const;
      const all: Account[] = [];
      const page = 1_000;
      for (let more = true; more;) {
        const wanted = { text: String(values["find"] ?? ""), state, role, limit: page } as const;
        const found = await operator.list({ ...wanted, after: all.at(-1)?.id ?? 0 });
        all.push(...found);
        more = found.length === page;
      }
      return { json: all, text: all.map(row) };
    },
  },
  "user show": {
    ...takesWho,
    does: "Somebody, by id, username or e-mail address, as in all commands.",
    async run(operator, { words }) {
      const account = await operator.show(await find(operator, words));
      const rows = Object.entries(account).map(([what, value]) => ({ what, value: value as unknown }));
      return { json: account, text: rows };
    },
  },
  "user add": {
    takes: "NAME",
    does: "An account, and a link by which its owner chooses a password within a week.",
    options: {
      email: text("address, needed"),
      "full-name": text(""),
      role: text(`${roles.join(", ")}; default: user`),
    },
    async run(operator, { words: [username = ""], values }) {
      const role: Role = oneOf(values, "role", roles) ?? "user";
      const [email, fullName] = [String(values["email"] ?? ""), String(values["full-name"] ?? "")];
      if (email === "") throw new UsageError("--email is needed");
      const { account, token } = await operator.add({ username, email, fullName, role });
      const link = operator.resetLink(token);
      return { json: { account, token, ...link }, text: linkText(`${username} is added`, link.url, token) };
    },
  },
  "user disable": {
    ...takesWho,
    does: "Shuts somebody out: all devices are logged out at once, and nobody can log in.",
    async run(operator, { words }) {
      const account = await operator.setState(await find(operator, words), "disabled");
      return saidOf(account, `${account.username} is disabled`);
    },
  },
  "user enable": {
    ...takesWho,
    does: "Lets somebody in who was disabled, or who waits.",
    async run(operator, { words }) {
      const account = await operator.setState(await find(operator, words), "open");
      return saidOf(account, `${account.username} may log in`);
    },
  },
  "user delete": {
    ...takesWho,
    does: "Closes an account for good; what it wrote is erased after ERASE_AFTER_DAYS.",
    options: { yes: flag("needed: there is no way back") },
    async run(operator, { words, values }) {
      if (values["yes"] !== true) throw new UsageError("there is no way back: add --yes");
      const id = await find(operator, words);
      await operator.remove(id);
      return { json: { id }, text: `${words[0]} is deleted` };
    },
  },
  "user reset-password": {
    ...takesWho,
    does: "A link by which somebody sets a new password, once, within 30 minutes.",
    async run(operator, { words }) {
      const token = await operator.resetToken(await find(operator, words));
      const link = operator.resetLink(token);
      return { json: { token, ...link }, text: linkText("Give this link to nobody else", link.url, token) };
    },
  },
  "user make-admin": {
    ...takesWho,
    does: "Makes somebody administrator.",
    async run(operator, { words }) {
      const account = await operator.setRole(await find(operator, words), "administrator");
      return saidOf(account, `${account.username} is administrator`);
    },
  },
  "user set-role": {
    takes: "WHO ROLE",
    does: `Gives somebody a role: ${roles.join(", ")}.`,
    async run(operator, { words }) {
      const role = oneOf({ role: words[1] }, "role", roles) ?? "user";
      const account = await operator.setRole(await find(operator, words), role);
      return saidOf(account, `${account.username} is ${account.role}`);
    },
  },
  "user sign-out": {
    ...takesWho,
    does: "Logs all devices of somebody out.",
    async run(operator, { words }) {
      const id = await find(operator, words);
      await operator.signOut(id);
      return { json: { id }, text: `${words[0]} is logged out everywhere` };
    },
  },
};

export function linkText(line: string, url: string, token: string): string {
  return `${line}\n  link   ${url}\n  token  ${token}`;
}
