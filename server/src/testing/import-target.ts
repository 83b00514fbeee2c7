import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "@om/postgres";
import { copyTemplate, type PostgresServer } from "@om/services";
import pg from "pg";
import { typeParsers } from "../platform/postgres/type-parsers.ts";

/** Where a test imports to. Only one at a time has it open, as with the embedded database. */
export interface ImportTestTarget extends AsyncDisposable {
  /** Settings that name it. */
  env: Record<string, string>;
  open<T>(work: (connection: pg.ClientConfig) => Promise<T>): Promise<T>;
  /** Rows as the features get them. */
  rows<Row>(text: string): Promise<Row[]>;
}

export function importTarget(kind: "embedded" | "PostgreSQL", postgres: PostgresServer): ImportTestTarget {
  const folder = mkdtempSync(join(tmpdir(), "om-import-"));
  const url = kind === "PostgreSQL" ? postgres.createDatabase() : "";
  if (url === "") copyTemplate(join(folder, "data/pgdata"));
  const open: ImportTestTarget["open"] = async (work) => {
    if (url !== "") return work({ connectionString: url });
    await using embedded = await startEmbedded(join(folder, "data"), {
      connections: 5,
      onOutage: () => undefined,
      onEnd: () => undefined,
    });
    return await work(embedded.connection);
  };
  return {
    env: { DATA_DIR: join(folder, "data"), ...(url === "" ? {} : { DATABASE_URL: url }) },
    open,
    rows: <Row>(text: string) =>
      open(async (connection) => {
        const client = new pg.Client({ ...connection, types: typeParsers });
        await client.connect();
        try {
          await client.query("set timezone = 'UTC'");
          return (await client.query(text)).rows as Row[];
        } finally {
          await client.end();
        }
      }),
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
