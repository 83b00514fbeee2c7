import { startOmServer } from "@om/services";
import type { OmServer } from "@om/services";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memoryState, type StateStore } from "./state.ts";
import type { Target } from "./target.ts";
import { openDevice, register, type Device, type Person } from "./testing/device.ts";

const contents = (device: Device): string[] => device.messages.map(({ content }) => content);

async function sendMany(from: Device, to: Target, count: number, label: string): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => `${label} ${i}`);
  await Promise.all(texts.map((content) => from.connection.send({ to, content }).acked));
  return texts;
}

describe("groups on several devices", () => {
  let server: OmServer;
  beforeAll(async () => {
    server = await startOmServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const people = (...names: string[]): Promise<Person[]> =>
    Promise.all(names.map((name) => register(server.url, name)));

  /** A live device. */
  async function live(person: Person, state?: StateStore): Promise<Device> {
    const device = openDevice(server.url, person, state);
    await device.connection.whenLive();
    return device;
  }

  async function groupOf(admin: Person, ...others: Person[]): Promise<{ groupId: number }> {
    const { id } = await admin.api.createGroup({ body: { name: `of ${admin.id}` } });
    for (const other of others) await admin.api.addMember({ params: { id }, body: { user_id: other.id } });
    return { groupId: id };
  }

  test("three devices of a member, one live, one that knows the group and one that does not, get every message once and in order", async () => {
    const [ann, ben] = (await people("ann", "ben")) as [Person, Person];
    const states = [memoryState(), memoryState()] as const;
    await using from = await live(ann);
    await (await live(ben, states[0]))[Symbol.asyncDispose]();
    const group = await groupOf(ann, ben);
    await using first = await live(ben);
    const early = await sendMany(from, group, 5, "early");
    await (await live(ben, states[1]))[Symbol.asyncDispose]();
    const late = await sendMany(from, group, 300, "late");
    await using knows = await live(ben, states[1]);
    await using knowsNot = await live(ben, states[0]);
    await first.until(() => first.messages.length >= 305);
    expect([contents(first), contents(knows), contents(knowsNot)]).toEqual([
      [...early, ...late],
      late,
      [...early, ...late],
    ]);
    const ack = await first.connection.send({ to: group, content: "mine", replyTo: first.messages[0]?.id ?? 0 }).acked;
    for (const device of [knows, knowsNot, from]) await device.until(() => contents(device).at(-1) === "mine");
    expect(knows.messages.at(-1)).toMatchObject({ id: ack.server_id, reply_to: { content: "early 0" } });
    first.connection.typing(group);
    await from.until(() => from.signs.includes(`${ben.id} typing`));
    knows.connection.markRead(first.messages.at(-1)?.id ?? 0);
    for (const device of [from, first]) await device.until(() => device.signs.includes(`${ben.id} read`));
  });

  test("who joins live or while away is told what came since", async () => {
    const [cat, dan] = (await people("cat", "dan")) as [Person, Person];
    const group = await groupOf(cat);
    await using from = await live(cat);
    await sendMany(from, group, 20, "before");
    await using here = await live(dan);
    const state = memoryState();
    await (await live(dan, state))[Symbol.asyncDispose]();
    const { token } = await cat.api.createInvite({ params: { id: group.groupId }, body: {} });
    await dan.api.joinByInvite({ params: { token } });
    const since = await sendMany(from, group, 3, "since");
    await here.until(() => here.messages.length >= 3);
    await using away = await live(dan, state);
    expect([contents(here), contents(away)]).toEqual([since, since]);
  });

  test("a device that was away is told of edits and deletions, and not of what it never saw", async () => {
    const [eve, fay] = (await people("eve", "fay")) as [Person, Person];
    const group = await groupOf(eve, fay);
    for (const to of [group, { userId: fay.id }]) {
      const state = memoryState();
      await using from = await live(eve);
      {
        await using seen = await live(fay, state);
        await sendMany(from, to, 3, "seen");
        await seen.until(() => seen.messages.length === 3);
      }
      const { api } = eve;
      const unseen = await from.connection.send({ to, content: "unseen" }).acked;
      await from.connection.send({ to, content: "last" }).acked;
      const page =
        "groupId" in to
          ? await api.groupHistory({ params: { id: to.groupId } })
          : await api.history({ query: { recipient_id: to.userId } });
      const [third, second] = page.messages.slice(2).map(({ id }) => id);
      await api.editMessage({ params: { id: third ?? 0 }, body: { content: "edited" } });
      for (const id of [second ?? 0, unseen.server_id]) await api.deleteMessage({ params: { id } });
      await using back = await live(fay, state);
      expect([contents(back), back.updated.map(({ content }) => content)]).toEqual([["last"], ["edited"]]);
      expect(back.signs.filter((sign) => sign.includes("deleted"))).toEqual([
        `${"groupId" in to ? `group_${to.groupId}` : `user_${eve.id}`} deleted ${second}`,
      ]);
      await api.deleteMessage({ params: { id: third ?? 0 } });
      for (const device of [back, from])
        await device.until(() => device.signs.some((sign) => sign.endsWith(`${third}`)));
    }
  });

  test("what is deleted for oneself on one device is cleared on the others", async () => {
    const [gus, hal] = (await people("gus", "hal")) as [Person, Person];
    const group = await groupOf(gus, hal);
    await using from = await live(gus);
    const state = memoryState();
    await using here = await live(hal);
    await (await live(hal, state))[Symbol.asyncDispose]();
    await from.connection.send({ to: group, content: "a" }).acked;
    await from.connection.send({ to: hal.id, content: "b" }).acked;
    await here.until(() => here.messages.length === 2);
    const names = [`group_${group.groupId}`, `user_${gus.id}`];
    for (const name of names) {
      await hal.api.deleteConversation({ params: { conversation_id: name } });
      await here.until(() => here.signs.includes(`${name} cleared`));
    }
    await using back = await live(hal, state);
    expect([back.messages, back.signs.filter((sign) => sign.endsWith("cleared")).length]).toEqual([[], 2]);
    expect(from.signs.filter((sign) => sign.endsWith("cleared"))).toEqual([]);
  });

  test("who is removed from a group is told on every device, is refused there, and may come back", async () => {
    const [ivy, jon] = (await people("ivy", "jon")) as [Person, Person];
    const group = await groupOf(ivy, jon);
    const name = `group_${group.groupId}`;
    await using admin = await live(ivy);
    await using here = await live(jon);
    const state = memoryState();
    await (await live(jon, state))[Symbol.asyncDispose]();
    await ivy.api.removeMember({ params: { id: group.groupId, user_id: jon.id } });
    await here.until(() => here.signs.includes(`${name} left`));
    await expect(here.connection.send({ to: group, content: "still here?" }).acked).rejects.toMatchObject({
      code: "not_group_member",
    });
    await admin.connection.send({ to: group, content: "among us" }).acked;
    await using back = await live(jon, state);
    expect(back.signs.filter((sign) => sign.startsWith(name))).toEqual([`${name} left`]);
    await ivy.api.addMember({ params: { id: group.groupId }, body: { user_id: jon.id } });
    await admin.connection.send({ to: group, content: "welcome" }).acked;
    for (const device of [here, back]) {
      await device.until(() => device.messages.length > 0);
      expect(contents(device)).toEqual(["welcome"]);
    }
  });

  test("kill -9 of the server in mid-load: every acknowledged group message is there once, in order, for every member", async () => {
    const [kim, lee, mia] = (await people("kim", "lee", "mia")) as [Person, Person, Person];
    const group = await groupOf(kim, lee, mia);
    await using one = await live(kim);
    await using two = await live(lee);
    await using reader = await live(mia);
    let acks = 0;
    one.connection.on("acked", () => (acks += 1));
    const sending = Promise.all([sendMany(one, group, 150, "kim"), sendMany(two, group, 150, "lee")]);
    await one.until(() => acks >= 30);
    await server.kill();
    await server.start();
    const texts = await sending;
    await reader.until(() => reader.messages.length >= 300);
    for (const [index, label] of ["kim", "lee"].entries())
      expect(contents(reader).filter((text) => text.startsWith(label))).toEqual(texts[index]);
    expect(reader.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    await one.until(() => one.messages.length >= 150);
    expect(contents(one)).toEqual(texts[1]);
  });

  test("people who come and go are told to those whom they talk with", async () => {
    const [ned, oda] = (await people("ned", "oda")) as [Person, Person];
    await using here = await live(ned);
    await using there = await live(oda);
    await there.connection.send({ to: ned.id, content: "hello" }).acked;
    await there[Symbol.asyncDispose]();
    await here.until(() => here.signs.includes(`${oda.id} gone`));
    await using _back = await live(oda);
    await here.until(() => here.signs.includes(`${oda.id} here`));
  });
});
