import type { Issues } from "./issues.ts";
import { tally, type ImportTarget, type Run } from "./run.ts";
import type { SourceGroup } from "./source-store.ts";
import type { MappedGroup } from "./target-store.ts";

/** Groups with their handles and empty conversations; what is here already stays as it is. */
export async function copyGroups(run: Run, total: number): Promise<void> {
  const { source, target, issues, progress } = run;
  progress.start("groups", total);
  for await (const page of source.groups()) {
    const mapped = page.flatMap((group) => {
      const creator = group.has_creator ? group.creator_id : group.heir_id;
      if (creator === null) issues.add("group_orphan", group.id);
      else if (!group.has_creator) issues.add("group_new_creator", group.id);
      return creator === null ? [] : [{ group, creator }];
    });
    const handles = mapped.flatMap(({ group }) => (mayKeepHandle(group) ? [group.handle?.toLowerCase() ?? ""] : []));
    const taken = new Set(await (target?.accounts.namesTaken(handles) ?? source.namesInUse(handles)));
    const groups = mapped.map(({ group, creator }) => mapGroup(group, creator, taken));
    const wanted = new Map(page.map((group) => [group.id, group.handle]));
    if (target === undefined) {
      tally(run, "groups", groups.length, undefined);
      addHandleIssues(issues, wanted, groups);
    } else {
      const here = await copyPage(target, groups);
      tally(run, "groups", groups.length, here.length);
      addHandleIssues(issues, wanted, here);
    }
    progress.advance(page.length);
  }
  progress.finish();
}

/** @returns the groups of the page that are here now */
async function copyPage({ connection, state, accounts }: ImportTarget, groups: MappedGroup[]) {
  const ids = groups.map(({ id }) => id);
  const before = new Set((await accounts.groupsHere(ids)).map(({ id }) => id));
  await state.requireOwn("groups", ids, before);
  await connection.transaction(async () => {
    await accounts.addGroups(groups.filter(({ id }) => !before.has(id)));
    await state.advance("groups", Math.max(0, ...ids));
  });
  return accounts.groupsHere(ids);
}

function mayKeepHandle(group: SourceGroup): boolean {
  return group.handle !== null && group.is_public && group.handle_rank === 1;
}

/** The group as it is stored here; its handle goes into `taken`. */
function mapGroup(group: SourceGroup, creatorId: number, taken: Set<string>): MappedGroup {
  const { id, created_at, updated_at, name, description, icon, is_public } = group;
  const key = group.handle?.toLowerCase() ?? "";
  const handle = mayKeepHandle(group) && !taken.has(key) ? group.handle : null;
  if (handle !== null) taken.add(key);
  return { id, created_at, updated_at, name, description, icon, is_public, creator_id: creatorId, handle };
}

function addHandleIssues(
  issues: Issues,
  wanted: Map<number, string | null>,
  groups: readonly { id: number; handle: string | null }[],
): void {
  for (const { id, handle } of groups) {
    const before = wanted.get(id) ?? null;
    if (before !== null && handle === null) issues.add("group_handle_dropped", `${id}: ${before}`);
  }
}
