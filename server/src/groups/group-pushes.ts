import { limits, type ConversationDeleteFrame, type GroupUpdateFrame } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import type { PublishGroupEvent, GroupEvent } from "./change-group.ts";
import type { MembershipStore } from "./membership-store.ts";

interface Deps {
  bus: Bus;
  memberships: Pick<MembershipStore, "members">;
  failure: (error: unknown) => void;
}

/**
 * A group that changed is told to the members' devices that follow by cursor, and a removal to all devices of whom it happened to;
 * other devices look groups up by themselves.
 */
export function createGroupPublisher(deps: Deps): PublishGroupEvent {
  return (event) => void publish(deps, event).catch(deps.failure);
}

async function publish(deps: Deps, event: GroupEvent): Promise<void> {
  const where = { conversation_id: `group_${event.groupId}`, ver: event.ver, seq: event.seq };
  if (event.kind === "left" || event.kind === "removed") {
    const gone: ConversationDeleteFrame = { type: "conversation_delete", ...where };
    // Whoever leaves knows on the device that left; the others of that user must learn of it too, or they keep the group.
    deps.bus.publish([{ userIds: event.userIds, frame: frameOf(() => gone), to: "all" }]);
  }
  const update: GroupUpdateFrame = { type: "group_update", ...where };
  const members = await deps.memberships.members(event.conversationId, limits.groupMembers);
  const userIds = members.map((row) => row.user_id);
  deps.bus.publish([{ userIds, frame: frameOf(() => update), to: "resuming" }]);
}
