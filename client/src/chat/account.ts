import { randomBytes } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import type { AuthAnswer } from "@om/protocol";
import { OmApiError } from "../api-error.ts";
import { createApi, type Api } from "../api.ts";
import { readJson, writeJson } from "../files.ts";
import type { DeviceState, StateStore } from "../state.ts";
import type { Tokens, TokenStore } from "../tokens.ts";

/** What the chat keeps of one user on one server, readable by its owner only. */
interface AccountFile {
  password: string;
  tokens?: Tokens | undefined;
  state?: DeviceState;
}

/** A user who is logged in on this machine. */
export interface Account {
  api: Api;
  selfId: number;
  state: StateStore;
}

/**
 * Logs in with what the file or `password` holds; a name that nobody has yet is registered with a password made here.
 * @throws OmApiError when the name belongs to somebody else
 */
export async function signIn(options: {
  server: string;
  user: string;
  password: string | undefined;
}): Promise<Account> {
  const file = openFile(options.server, options.user);
  const tokens: TokenStore = {
    load: () => file.data.tokens,
    save: (next) => {
      file.data.tokens = next;
      file.save();
    },
  };
  const api = createApi({ baseUrl: options.server, tokens });
  const email = `${options.user.toLowerCase()}@example.invalid`;
  const known = options.password === undefined ? await resumed(api, file.data.tokens) : undefined;
  if (known !== undefined) return { api, selfId: known, state: stateOf(file, known) };
  const isNew = options.password === undefined && file.data.password === "";
  file.data.password = options.password ?? (file.data.password || randomBytes(18).toString("base64url"));
  // Kept before it is used: a name whose password is lost is lost.
  file.save();
  const { password } = file.data;
  const register = (): Promise<AuthAnswer> => api.register({ username: options.user, email, password });
  const answer = await (isNew ? register() : login(() => api.login({ email, password }), register));
  return { api, selfId: answer.user.id, state: stateOf(file, answer.user.id) };
}

/** The user whose session still holds. */
async function resumed(api: Api, tokens: Tokens | undefined): Promise<number | undefined> {
  if (tokens === undefined) return undefined;
  try {
    return (await api.me()).user.id;
  } catch (error) {
    if (error instanceof OmApiError && error.status === 401) return undefined;
    throw error;
  }
}

/** A server that does not know us may have started anew on an empty database; if the name is taken there, the login was wrong. */
async function login(attempt: () => Promise<AuthAnswer>, register: () => Promise<AuthAnswer>): Promise<AuthAnswer> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof OmApiError) || error.status !== 401) throw error;
    return await register().catch(() => Promise.reject(error));
  }
}

/** The state belongs to a user id: on another database the same name is another user. */
function stateOf(file: ReturnType<typeof openFile>, selfId: number): StateStore {
  const owner = `${selfId}`;
  if (file.data.state !== undefined && file.owner() !== owner) delete file.data.state;
  file.setOwner(owner);
  return {
    load: () => file.data.state,
    save: (state) => {
      file.data.state = state;
      file.save();
    },
  };
}

function openFile(server: string, user: string) {
  const folder = join(homedir(), ".om-messenger");
  const host = new URL(server).host.replaceAll(/[^a-z0-9.-]/gi, "_");
  const path = join(folder, `${host}-${user.toLowerCase().replaceAll(/[^a-z0-9_]/g, "_")}.json`);
  const data = (readJson(path) as (AccountFile & { owner?: string }) | undefined) ?? { password: "" };
  return {
    data,
    owner: () => data.owner,
    setOwner: (owner: string) => void (data.owner = owner),
    save: () => writeJson(path, data),
  };
}
