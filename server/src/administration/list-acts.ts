import type { Act } from "@om/protocol";
import { actStore } from "../acts/act-store.ts";
import type { Actor } from "../platform/caller.ts";
import type { Database } from "../platform/postgres/database.ts";
import { requireRole } from "./administer.ts";

/** By an administrator. */
export async function listActs(
  db: Database,
  actor: Actor,
  wanted: Parameters<ReturnType<typeof actStore>["list"]>[0],
): Promise<Act[]> {
  await requireRole(db, actor, "administrator");
  return actStore(db).list(wanted);
}
