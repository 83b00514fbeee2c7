import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createApi, OmApiError, type Api, type Tokens, type TokenStore } from "../api.ts";
import type { DeviceState, StateStore } from "../state.ts";

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
export async function enter(options: { server: string; user: string; password: string | undefined }): Promise<Account> {
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
  const isKnown = options.password !== undefined || file.data.password !== "";
  const password = options.password ?? (file.data.password || randomBytes(18).toString("base64url"));
  const answer = isKnown
    ? await api.login({ email, password }).catch((error: unknown) => {
        // The server forgot us, as after a fresh start on an empty database.
        if (error instanceof OmApiError && error.status === 401)
          return api.register({ username: options.user, email, password });
        throw error;
      })
    : await api.register({ username: options.user, email, password });
  file.data.password = password;
  file.save();
  return { api, selfId: answer.user.id, state: stateOf(file, answer.user.id) };
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
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const host = new URL(server).host.replaceAll(/[^a-z0-9.-]/gi, "_");
  const path = join(folder, `${host}-${user.toLowerCase().replaceAll(/[^a-z0-9_]/g, "_")}.json`);
  const data: AccountFile & { owner?: string } = read(path) ?? { password: "" };
  return {
    data,
    owner: () => data.owner,
    setOwner: (owner: string) => void (data.owner = owner),
    save(): void {
      // Written aside and moved, so that a crash leaves the old file or the new one.
      writeFileSync(`${path}.new`, JSON.stringify(data), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
  };
}

function read(path: string): (AccountFile & { owner?: string }) | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as AccountFile;
  } catch {
    return undefined;
  }
}
