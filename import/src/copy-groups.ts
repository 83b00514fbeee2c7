import { cleanName } from "@om/server/platform/visible-text";
import { pages } from "./import-connection.ts";
import { eachPage } from "./progress.ts";
import { addPage, tally, type Run } from "./run.ts";
import { groups, namesInUse, type SourceGroup } from "./source-store.ts";

/** Groups with their handles and empty conversations; what is here already stays as it is. */
export async function copyGroups(run: Run, total: number): Promise<void> {
  const { source, target, issues, progress } = run;
  await eachPage(progress, { step: "groups", total, pages: pages(source, groups) }, async (page) => {
    const good = page.filter(({ id, has_creator, heir_id }) => {
      if (!has_creator) issues.add(heir_id === null ? "group_orphan" : "group_new_creator", id);
      return has_creator || heir_id !== null;
    });
    const handles = good.filter(mayKeepHandle).map((group) => group.handle?.toLowerCase() ?? "");
    const taken = new Set(await (target?.accounts.namesTaken(handles) ?? namesInUse(source, handles)));
    const mapped = good.map((group) => mapGroup(group, taken));
    const here =
      target === undefined
        ? mapped
        : await addPage(target, "groups", mapped, {
            fetch: target.accounts.groupsHere,
            add: target.accounts.addGroups,
          });
    const handleOf = new Map(page.map((group) => [group.id, group.handle]));
    for (const { id, handle } of here) {
      const before = handleOf.get(id) ?? null;
      if (before !== null && handle === null) issues.add("group_handle_dropped", `${id}: ${before}`);
    }
    tally(run, "groups", mapped.length, target && here.length);
    return page.length;
  });
}

function mayKeepHandle(group: SourceGroup): boolean {
  return group.handle !== null && group.is_public && group.handle_rank === 1;
}

/** With a creator and a handle that hold here; the handle goes into `taken`. */
function mapGroup(group: SourceGroup, taken: Set<string>): SourceGroup {
  const key = group.handle?.toLowerCase() ?? "";
  const handle = mayKeepHandle(group) && !taken.has(key) ? group.handle : null;
  if (handle !== null) taken.add(key);
  const name = cleanName(group.name) || `Group ${group.id}`;
  return { ...group, name, creator_id: group.has_creator ? group.creator_id : (group.heir_id ?? 0), handle };
}
