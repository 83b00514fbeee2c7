import type { ResumedType } from "@om/protocol";
import type { Random } from "../load/random.ts";
import type { Person } from "./person.ts";
import type { Sent, World } from "./world.ts";

/** Who does it, and with whom. */
export interface Scene {
  world: World;
  by: Person;
  other: Person;
  random: Random;
}
/** Changes something, or is refused. */
export type Act = (scene: Scene) => Promise<unknown>;

/**
 * How each kind of change is made, in all its ways. A frame that is new in the protocol is a kind without a way here, which does not compile,
 * unless it is said there that whoever was away need not hear of it.
 */
export const kinds: Record<ResumedType, Readonly<Record<string, Act>>> = {
  message: {
    direct: (scene) => send(scene, scene.other),
    toOneself: (scene) => send(scene, scene.by),
    inGroup: (scene) => send(scene, groupOf(scene)),
    reply: (scene) => send(scene, scene.other, sentBetween(scene, scene.other)?.id),
  },
  message_edit: {
    direct: (scene) => edit(scene, sentBetween(scene, scene.other, scene.by)),
    inGroup: (scene) => edit(scene, sentBetween(scene, groupOf(scene), scene.by)),
  },
  reaction_update: {
    direct: (scene) => react(scene, sentBetween(scene, scene.other)),
    inGroup: (scene) => react(scene, sentBetween(scene, groupOf(scene))),
  },
  message_delete: {
    direct: (scene) => remove(scene, sentBetween(scene, scene.other, scene.by)),
    inGroup: (scene) => remove(scene, sentBetween(scene, groupOf(scene))),
  },
  conversation_delete: {
    forMe: (scene) => clear(scene, `user_${scene.other.id}`, false),
    forBoth: (scene) => clear(scene, `user_${scene.other.id}`, true),
    groupForMe: (scene) => clear(scene, `group_${groupOf(scene)}`, false),
    groupForAll: (scene) => clear(scene, `group_${groupOf(scene)}`, true),
  },
  read_update: {
    all: ({ by, other }) => by.api.markRead({ params: { peer_id: other.id } }),
    upTo: (scene) => position(scene, "read", sentBetween(scene, scene.other, scene.other)),
  },
  delivery_update: { upTo: (scene) => position(scene, "delivery", sentBetween(scene, scene.other, scene.other)) },
  group_read_update: {
    async upTo(scene) {
      const id = groupOf(scene);
      const message = sentBetween(scene, id);
      if (message === undefined) return;
      await scene.by.api.groupRead({ params: { id }, body: { last_read_message_id: message.id } });
    },
  },
  group_update: {
    add: (scene) => scene.by.api.addMember({ params: { id: groupOf(scene) }, body: { user_id: scene.other.id } }),
    join: ({ by, world }) => by.api.joinGroup({ params: { id: world.groupIds[0] } }),
    role: (scene) =>
      scene.by.api.setRole({
        params: { id: groupOf(scene), user_id: scene.other.id },
        body: { role: scene.random.chance(0.7) ? "admin" : "member" },
      }),
    details: (scene) =>
      scene.by.api.editGroup({
        params: { id: groupOf(scene) },
        body: scene.random.chance(0.5) ? { name: `group ${next(scene)}` } : { description: `about ${next(scene)}` },
      }),
    remove: (scene) => scene.by.api.removeMember({ params: { id: groupOf(scene), user_id: scene.other.id } }),
    leave: (scene) => scene.by.api.leaveGroup({ params: { id: groupOf(scene) } }),
  },
  user_update: {
    name: (scene) => scene.by.api.updateMe({ body: { full_name: `called ${next(scene)}` } }),
    username: (scene) => scene.by.api.updateMe({ body: { username: `n${next(scene)}_${scene.by.name}` } }),
  },
  block_update: {
    block: ({ by, other }) => by.api.block({ params: { id: other.id } }),
    unblock: ({ by, other }) => by.api.unblock({ params: { id: other.id } }),
  },
  settings_update: {
    direct: (scene) => keep(scene, `user_${scene.other.id}`),
    inGroup: (scene) => keep(scene, `group_${groupOf(scene)}`),
  },
};

const react = async ({ by, random }: Scene, message: Sent | undefined): Promise<unknown> =>
  message &&
  by.api.react({
    params: { id: message.id },
    body: { emoji: ["👍", "❤️", null][random.whole(3)] ?? null },
  });

const next = ({ world }: Scene): number => (world.count += 1);
const groupOf = ({ world, random }: Scene): number => world.groupIds[random.chance(0.3) ? 0 : 1];

/** One of the newest messages in that place, by one person if it is said who. */
function sentBetween({ world, by, random }: Scene, place: Person | number, author?: Person): Sent | undefined {
  const isThere = (sent: Sent): boolean =>
    typeof place === "number"
      ? sent.to === place
      : (sent.to === place && sent.by === by) || (sent.to === by && sent.by === place);
  const there = world.sent.filter((sent) => isThere(sent) && (author === undefined || sent.by === author));
  return there.at(-1 - random.whole(Math.min(6, there.length)));
}

async function send(scene: Scene, to: Person | number, replyTo?: number): Promise<void> {
  const { by, world } = scene;
  const n = next(scene);
  const body = { client_id: `${by.name}-${n}`, content: `text ${n}`, reply_to_id: replyTo ?? null };
  const { id } =
    typeof to === "number"
      ? await by.api.groupSend({ params: { id: to }, body })
      : await by.api.send({ body: { recipient_id: to.id, ...body } });
  world.sent.push({ id, by, to });
}

const edit = async (scene: Scene, message: Sent | undefined): Promise<unknown> =>
  message && scene.by.api.editMessage({ params: { id: message.id }, body: { content: `edited ${next(scene)}` } });

const remove = async ({ by }: Scene, message: Sent | undefined): Promise<unknown> =>
  message && by.api.deleteMessage({ params: { id: message.id } });

const clear = ({ by }: Scene, conversationId: string, everyone: boolean): Promise<unknown> =>
  by.api.deleteConversation({ params: { conversation_id: conversationId }, query: { everyone: String(everyone) } });

const keep = ({ by, random }: Scene, conversationId: string): Promise<unknown> =>
  by.api.keepConversation({
    params: { conversation_id: conversationId },
    body: random.chance(0.5) ? { pinned: random.chance(0.7) } : { muted_until: "2100-01-01T00:00:00Z" },
  });

const position = async ({ by }: Scene, type: "read" | "delivery", message: Sent | undefined): Promise<unknown> =>
  message && by.frame(type, { message_id: message.id });
