import { startPostgres } from "@om/services";
import { openDatabase, type HarnessDatabase } from "./database.ts";
import { startNode, type Node } from "./node.ts";
import { startProxies, type Proxies } from "./proxies.ts";
import { startRedisPair, type RedisPair } from "./redis-pair.ts";

/** Everything that a run stands on: PostgreSQL, Redis behind a proxy per node, and the nodes. */
export interface Stage extends AsyncDisposable {
  readonly nodes: readonly Node[];
  readonly redis: RedisPair;
  readonly proxies: Proxies;
  readonly db: HarnessDatabase;
  /** Ends of nodes that nobody had asked for, in words. */
  readonly deaths: readonly string[];
}

export interface StageOptions {
  nodes: number;
  /** A copy of the server; undefined: the server of this tree. */
  repository: string | undefined;
}

export async function startStage({ nodes: count, repository }: StageOptions): Promise<Stage> {
  const owned: AsyncDisposable[] = [];
  const own = <T extends AsyncDisposable>(one: T): T => {
    owned.push(one);
    return one;
  };
  const dispose = async (): Promise<void> => {
    for (const one of owned.splice(0).toReversed()) await one[Symbol.asyncDispose]();
  };
  const deaths: string[] = [];
  try {
    const [postgres, redis] = await Promise.all([startPostgres().then(own), startRedisPair().then(own)]);
    const proxies = own(await startProxies(count, redis.primary().port));
    const databaseUrl = postgres.createDatabase();
    const nodes: Node[] = [];
    const launch = async (index: number): Promise<Node> => {
      const env = { ...settings, DATABASE_URL: databaseUrl, REDIS_URL: `redis://127.0.0.1:${proxies.ports[index]}` };
      return own(await startNode({ index, env, repository, onDeath: (words) => void deaths.push(words) }));
    };
    // The first one migrates the database.
    nodes.push(await launch(0));
    const db = own(await openDatabase(databaseUrl));
    nodes.push(...(await Promise.all(Array.from({ length: count - 1 }, (_, i) => launch(i + 1)))));
    return { nodes, redis, proxies, db, deaths, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

const settings = { LOG_LEVEL: "error", MAX_SOCKETS_PER_USER: "0", DB_POOL: "8" };
