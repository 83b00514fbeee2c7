import { Device } from "./device.ts";
import { openPerson, type Person } from "./person.ts";

/** A message that may be edited, deleted, read or replied to. */
export interface Sent {
  id: number;
  by: Person;
  to: Person | number;
}

/** A few people who know each other, two groups of theirs, and a device of the first of them. */
export interface World extends AsyncDisposable {
  readonly url: string;
  readonly people: readonly [Person, Person, Person, Person];
  readonly groupIds: readonly [number, number];
  readonly sent: Sent[];
  readonly device: Device;
  readonly hasBlocks: boolean;
  count: number;
}

/** The second makes the groups, one of them public; the first is in one of them, the third in both. */
export async function openWorld(url: string, hasBlocks: boolean): Promise<World> {
  const people = await Promise.all([openPerson(url), openPerson(url), openPerson(url), openPerson(url)]);
  const [me, admin, friend] = people;
  const [open, closed] = await Promise.all([
    admin.api.createGroup({ body: { name: "open", is_public: true, handle: `open_${me.id}` } }),
    admin.api.createGroup({ body: { name: "closed" } }),
  ]);
  for (const { id } of [open, closed]) await admin.api.addMember({ params: { id }, body: { user_id: friend.id } });
  await admin.api.addMember({ params: { id: closed.id }, body: { user_id: me.id } });
  const device = new Device(url, me);
  return {
    url,
    people,
    groupIds: [open.id, closed.id],
    sent: [],
    device,
    hasBlocks,
    count: 0,
    async [Symbol.asyncDispose]() {
      await device.close();
      await Promise.all(people.map((person) => person[Symbol.asyncDispose]()));
    },
  };
}
