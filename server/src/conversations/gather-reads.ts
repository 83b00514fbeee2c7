import type { Bus } from "../delivery/bus.ts";
import { frameOf, type Push } from "../delivery/push.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { positionFrame } from "./position-pushes.ts";
import type { AdvancedPosition } from "./position-store.ts";

const audience = statement<{ members: number[]; apart: number[][] }>(
  "positions.audience",
  `select member_ids(c.id) as members,
     (select json_agg(to_json(blocked_with(r.id)) order by r.ord) from unnest($2::bigint[]) with ordinality as r(id, ord)) as apart
   from conversations c where c.group_id = $1`,
);

/** How long reads gather, in ms. */
const waitMs = 1_000;
/** Of one group: how many of those who are furthest are looked at, until every member may see one. */
const maxReaders = 10;

/**
 * Tells a large group how far it is read. Were everybody told of everybody, 10,000 readers would be 100,000,000 frames. So each member is told
 * once a second, by each node where somebody reads, of the one who is furthest of all without a block between them. Who else has read is asked for (list-readers.ts).
 */
export function createReadGathering(deps: {
  db: Queries;
  bus: Pick<Bus, "publish">;
  failure: (error: unknown) => void;
}) {
  /** By group, furthest first. */
  let groups = new Map<number, AdvancedPosition[]>();
  let timer: NodeJS.Timeout | undefined;

  async function tell(groupId: number, furthest: readonly AdvancedPosition[]): Promise<void> {
    const [found] = await deps.db.query(audience, [groupId, furthest.map((one) => one.user_id)]);
    let untold = found?.members ?? [];
    const pushes = furthest.map((one, index): Push => {
      const apart = new Set([...(found?.apart[index] ?? []), one.user_id]);
      const userIds = untold.filter((userId) => !apart.has(userId));
      untold = untold.filter((userId) => apart.has(userId));
      return { userIds, frame: frameOf(() => positionFrame(one, one.user_id)), to: "all" };
    });
    deps.bus.publish(pushes.filter(({ userIds }) => userIds.length > 0));
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const gathered = groups;
    groups = new Map();
    for (const [groupId, furthest] of gathered) await tell(groupId, furthest).catch(deps.failure);
  }

  return {
    /** Positions that moved; those of which all have been told are left out. */
    add(moved: readonly AdvancedPosition[]): void {
      for (const one of moved) {
        if (one.group_id === null || !one.read_moved || one.members !== null) continue;
        const others = (groups.get(one.group_id) ?? []).filter(({ user_id }) => user_id !== one.user_id);
        const furthest = [...others, one].sort((a, b) => b.read_seq - a.read_seq).slice(0, maxReaders);
        groups.set(one.group_id, furthest);
        timer ??= setTimeout(() => void flush(), waitMs);
      }
    },
    /** Tells at once what has been gathered. */
    flush,
  };
}
export type ReadGathering = ReturnType<typeof createReadGathering>;
