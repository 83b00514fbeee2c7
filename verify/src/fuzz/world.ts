import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { collectable, startOmServer, type OmServer } from "@om/services";
import { createHttp } from "../load/http.ts";
import { password } from "../load/people.ts";
import type { Target } from "./send.ts";

/** One server with people on it. */
export interface World extends Target, AsyncDisposable {
  readonly name: string;
  readonly server: OmServer;
  /** Somebody new for each place whose token is no longer good. */
  renew(): Promise<void>;
  /** Their tokens are for the probe alone. */
  readonly probes: readonly { readonly id: number; readonly token: string }[];
  /** Bytes of the heap after garbage collection, and of the process. */
  memory(): Promise<{ heap: number; resident: number }>;
}

const jwtSecret = "a secret of the fuzzer, long enough";
/** Places of people. */
const places = 5;

export async function startWorld(name: string, env: Record<string, string>): Promise<World> {
  const { env: inspected, collectGarbage } = await collectable();
  const server = await startOmServer({ JWT_SECRET: jwtSecret, LOG_LEVEL: "info", ...inspected, ...env });
  const tokens: string[] = [];
  const used = new Set([jwtSecret, password]);
  const http = createHttp(() => server.url, 20_000);
  const register = async (): Promise<{ id: number; token: string }> => {
    // At random: what is sent may take names, too.
    const username = `fuzz_${randomBytes(6).toString("hex")}`;
    const body = { username, email: `${username}@example.org`, password, full_name: username };
    const answer = await http.call({ method: "POST", path: "/api/auth/register", body });
    if (answer.status !== 201) throw new Error(`register: ${answer.status} ${JSON.stringify(answer.body)}`);
    const { access_token: token, user } = answer.body as { access_token: string; user: { id: number } };
    used.add(token);
    return { id: user.id, token };
  };
  const renew = async (): Promise<void> => {
    for (let place = 0; place < places; place++) {
      const token = tokens[place];
      const me = token === undefined ? undefined : await http.call({ method: "GET", path: "/api/users/me", token });
      if (me?.status !== 200) tokens[place] = (await register()).token;
    }
  };
  await renew();
  const [token = ""] = tokens;
  for (const handle of ["fuzz_group", "fuzz_club"])
    await http.call({ method: "POST", path: "/api/groups", token, body: { name: handle, is_public: true, handle } });
  const probes = [await register(), await register()];
  return {
    name,
    server,
    probes,
    port: Number(new URL(server.url).port),
    token: (person) => tokens[person],
    secrets: () => used,
    renew,
    memory: async () => ({ heap: await collectGarbage(), resident: residentBytes(server.pid) }),
    async [Symbol.asyncDispose]() {
      http.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
