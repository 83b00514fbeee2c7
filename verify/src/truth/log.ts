import type pg from "pg";
import type { Ms } from "../history/events.ts";

/** A row as a transaction left it. */
export interface LogRow {
  readonly id: number;
  readonly at: Ms;
  readonly txn: number;
  /** The table, with ` gone` after it when the row was deleted. */
  readonly what: string;
  readonly row: Readonly<Record<string, unknown>>;
}

const page = 20_000;

/** Reads the whole account. @param toMs brings PostgreSQL's clock, in ms since 1970, to ours */
export async function readLog(db: pg.Client, toMs: (epochMs: number) => Ms): Promise<LogRow[]> {
  const log: LogRow[] = [];
  for (let after = 0; ;) {
    const { rows } = await db.query<{
      id: string;
      at: string;
      txn: string;
      what: string;
      row: Record<string, unknown>;
    }>(
      "select id, extract(epoch from at) * 1000 as at, txn, what, row from verify.log where id > $1 order by id limit $2",
      [after, page],
    );
    for (const { id, at, txn, what, row } of rows)
      log.push({ id: Number(id), at: toMs(Number(at)), txn: Number(txn), what, row });
    if (rows.length < page) return log;
    after = log.at(-1)?.id ?? after;
  }
}
