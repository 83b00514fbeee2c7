import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { OmApiError } from "../api-error.ts";
import { createApi, type Api } from "../api.ts";
import { readJson, writeJson } from "../files.ts";
import type { DeviceState, StateStore } from "../state.ts";
import type { Tokens, TokenStore } from "../tokens.ts";

/** What the chat keeps of one account on one server, readable by its owner only. Passwords are not kept. */
interface AccountFile {
  email?: string;
  tokens?: Tokens | undefined;
  /** Whose state it is: on another database the same name is another user. */
  owner?: number;
  state?: DeviceState;
}

/** A user who is logged in on this machine. */
export interface Account {
  api: Api;
  self: { id: number; name: string };
  state: StateStore;
}

export interface SignInOptions {
  server: string;
  /** One of both is there. */
  user: string | undefined;
  email: string | undefined;
  /** Given from outside; otherwise it is asked for. */
  password: string | undefined;
  /** Asks the person who sits there; undefined when nobody does. `isSecret`: what is typed does not show. */
  ask: ((question: string, isSecret: boolean) => Promise<string>) | undefined;
  /** Tells that person something before the chat begins. */
  tell: (text: string) => void;
  /** Where accounts are kept. */
  folder?: string;
}

const attempts = 3;

/**
 * The session that is kept, or a new login: with the e-mail and password of an account, or as a new account when nobody has the name.
 * @throws OmApiError when the server does not let the user in, Error when there is nobody to ask
 */
export async function signIn(options: SignInOptions): Promise<Account> {
  const file = openFile(options);
  const { data } = file;
  const tokens: TokenStore = {
    load: () => data.tokens,
    save: (next) => {
      data.tokens = next;
      file.save();
    },
  };
  const api = createApi({ baseUrl: options.server, tokens });
  const isAnother = options.email !== undefined && options.email !== data.email;
  const user = (isAnother ? undefined : await resumed(api, data.tokens)) ?? (await enter(api, options, data));
  if (data.owner !== user.id) delete data.state;
  data.owner = user.id;
  file.save();
  const state: StateStore = {
    load: () => data.state,
    save: (next) => {
      data.state = next;
      file.save();
    },
  };
  return { api, self: { id: user.id, name: user.username }, state };
}

interface Known {
  id: number;
  username: string;
}

/** The user whose session still holds. */
async function resumed(api: Api, tokens: Tokens | undefined): Promise<Known | undefined> {
  if (tokens === undefined) return undefined;
  try {
    return (await api.me()).user;
  } catch (error) {
    if (error instanceof OmApiError && error.status === 401) return undefined;
    throw error;
  }
}

async function enter(api: Api, options: SignInOptions, data: AccountFile): Promise<Known> {
  const { user, ask, tell } = options;
  const isNew = user !== undefined && (await api.checkUsername({ query: { username: user } })).available;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { email, answer } = await (isNew ? register(api, user, options) : login(api, options, data.email));
      data.email = email;
      return answer.user;
    } catch (error) {
      const mayRetry = error instanceof OmApiError && (error.status === 400 || error.status === 401);
      if (!mayRetry || ask === undefined || options.password !== undefined || attempt === attempts) throw error;
      tell(error.message);
    }
  }
}

async function register(api: Api, username: string, options: SignInOptions) {
  const email = options.email ?? `${username.toLowerCase()}@example.invalid`;
  const typed =
    options.password ??
    (await options.ask?.(`${username} is a new account. Choose a password (Enter makes one): `, true));
  const password = typed || randomBytes(18).toString("base64url");
  const answer = await api.register({ username, email, password });
  if (password !== typed)
    options.tell(
      `The account ${username} (${email}) has the password ${password}\nIt is not kept here: write it down.`,
    );
  return { email, answer };
}

async function login(api: Api, options: SignInOptions, kept: string | undefined) {
  const { ask } = options;
  const email = options.email ?? kept ?? (await ask?.(`E-mail of ${options.user}: `, false));
  const password = options.password ?? (await ask?.(`Password of ${email}: `, true));
  if (email === undefined || password === undefined)
    throw new Error("the account exists: give its e-mail with --email and its password in OM_PASSWORD");
  return { email, answer: await api.login({ email, password }) };
}

function openFile({ server, user, email, folder = join(homedir(), ".om-messenger") }: SignInOptions) {
  const name = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9.@-]/g, "_");
  const path = join(folder, `${name(new URL(server).host)}-${name(user ?? email ?? "")}.json`);
  const data = (readJson(path) ?? {}) as AccountFile;
  return { data, save: () => writeJson(path, data) };
}
