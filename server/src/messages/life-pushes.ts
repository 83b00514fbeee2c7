import type { OutboundFrame } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf, type Push } from "../delivery/push.ts";
import type { Changed, ChangedMessage } from "./life-store.ts";

/** Who is told of a change: others on all devices, whoever made it on the devices that follow by cursor. */
export interface Audience {
  others: readonly number[];
  byId: number;
  /** All members of a group see the same frame. */
  shared: boolean;
}

export function audience(changed: Changed | ChangedMessage, byId: number): Audience {
  const hidden = "hidden" in changed && changed.hidden;
  const all = changed.members ?? [changed.lo ?? byId, changed.hi ?? byId];
  const others = hidden ? [] : [...new Set(all)].filter((userId) => userId !== byId);
  return { others, byId, shared: changed.group_id !== null };
}

/** @param frameFor the frame as a viewer sees it; made once for a group */
export function pushToAll(bus: Bus, to: Audience, frameFor: (viewerId: number) => OutboundFrame): void {
  const encode = (viewerId: number): Push["frame"] => frameOf(JSON.stringify(frameFor(viewerId)));
  const own = encode(to.byId);
  const pushes: Push[] = to.shared
    ? [{ userIds: to.others, frame: own, to: "all", ordered: true }]
    : to.others.map((userId) => ({ userIds: [userId], frame: encode(userId), to: "all", ordered: true }));
  bus.publish([...pushes, { userIds: [to.byId], frame: own, to: "resuming" }]);
}
