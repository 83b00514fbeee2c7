import { startOmServer, startPostgres } from "@om/services";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OmServer } from "@om/services";
import { memoryState } from "./state.ts";
import { openDevice, register, type Device } from "./testing/device.ts";

/** Sends `count` messages one way and resolves with their texts when all are acknowledged. */
async function sendMany(from: Device, to: number, count: number, label: string): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => `${label} ${i}`);
  await Promise.all(texts.map((content) => from.connection.send({ to, content }).acked));
  return texts;
}

describe("a device resumes", () => {
  let server: OmServer;
  beforeAll(async () => {
    server = await startOmServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("three devices that were away each get every message once, in order", async () => {
    const [ada, ben] = await Promise.all([register(server.url, "ada"), register(server.url, "ben")]);
    const states = [memoryState(), memoryState(), memoryState()];
    await using from = openDevice(server.url, ada);
    for (const state of states) {
      await using device = openDevice(server.url, ben, state);
      await device.until(() => device.connection.isLive);
    }
    const texts = await sendMany(from, ben.id, 120, "away");
    for (const state of states) {
      await using device = openDevice(server.url, ben, state);
      await device.until(() => device.connection.isLive);
      expect(device.messages.map(({ content }) => content)).toEqual(texts);
    }
    for (const state of states) {
      await using device = openDevice(server.url, ben, state);
      await device.until(() => device.connection.isLive);
      expect(device.messages).toEqual([]);
    }
  });

  test("what a user does on one device shows on the others, and positions reach the author", async () => {
    const [cat, dan] = await Promise.all([register(server.url, "cat"), register(server.url, "dan")]);
    await using cat1 = openDevice(server.url, cat);
    await using cat2 = openDevice(server.url, cat);
    await using danDevice = openDevice(server.url, dan);
    for (const device of [cat1, cat2, danDevice]) await device.until(() => device.connection.isLive);
    const ack = await cat1.connection.send({ to: dan.id, content: "hello" }).acked;
    await cat2.until(() => cat2.messages.length === 1);
    await danDevice.until(() => danDevice.messages.length === 1);
    expect([cat1.messages, cat2.messages[0]?.conversation_id]).toEqual([[], `user_${dan.id}`]);
    await cat1.until(() => cat1.signs.includes(`${dan.id} delivered`));
    danDevice.connection.markRead(ack.server_id);
    await cat1.until(() => cat1.signs.includes(`${dan.id} read`));
    await danDevice.until(() => danDevice.signs.includes(`${dan.id} read`));
    await danDevice.connection.send({ to: cat.id, content: "hi" }).acked;
    danDevice.connection.typing(cat.id);
    await cat1.until(() => cat1.signs.includes(`${dan.id} typing`));
  });

  test("kill -9 of the server in mid-load: everything acknowledged is there once, in order", async () => {
    const [eva, fin] = await Promise.all([register(server.url, "eva"), register(server.url, "fin")]);
    await using from = openDevice(server.url, eva);
    await using to = openDevice(server.url, fin);
    await to.until(() => to.connection.isLive);
    let acks = 0;
    from.connection.on("acked", () => (acks += 1));
    const sending = sendMany(from, fin.id, 300, "storm");
    await from.until(() => acks >= 40);
    await server.kill();
    await server.start();
    const texts = await sending;
    await to.until(() => to.messages.length >= texts.length);
    expect(to.messages.map(({ content }) => content)).toEqual(texts);
    expect(to.messages.map(({ seq }) => seq)).toEqual(texts.map((_, index) => index + 1));
    const page = await eva.api.call("history", { query: { recipient_id: fin.id, limit: 100 } });
    expect(page.messages[0]?.seq).toBe(texts.length);
  });

  test("a message written while the server is down arrives after it is back, and a stop is graceful", async () => {
    const [gil, hal] = await Promise.all([register(server.url, "gil"), register(server.url, "hal")]);
    await using from = openDevice(server.url, gil);
    await using to = openDevice(server.url, hal);
    for (const device of [from, to]) await device.until(() => device.connection.isLive);
    expect(await server.stop()).toBe(0);
    await from.until(() => !from.connection.isLive);
    const { acked } = from.connection.send({ to: hal.id, content: "written in the dark" });
    await server.start();
    await acked;
    await to.until(() => to.messages.length === 1);
    expect(to.messages[0]?.content).toBe("written in the dark");
  });
});

test("kill -9 of PostgreSQL in mid-load: the server survives, says so, and no acknowledged message is lost or doubled", async () => {
  await using postgres = await startPostgres(["fsync=on"]);
  await using server = await startOmServer({ DATABASE_URL: postgres.createDatabase() });
  const [ivy, jon] = await Promise.all([register(server.url, "ivy"), register(server.url, "jon")]);
  await using from = openDevice(server.url, ivy);
  await using to = openDevice(server.url, jon);
  await to.until(() => to.connection.isLive);
  let acks = 0;
  from.connection.on("acked", () => (acks += 1));
  const sending = sendMany(from, jon.id, 300, "crash");
  await from.until(() => acks >= 40);
  const pid = server.pid;
  await postgres.kill();
  expect((await fetch(`${server.url}/ready`)).status).toBe(503);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  await postgres.start();
  const texts = await sending;
  await to.until(() => to.messages.length >= texts.length);
  expect(to.messages.map(({ content }) => content)).toEqual(texts);
  expect(to.messages.map(({ seq }) => seq)).toEqual(texts.map((_, index) => index + 1));
  expect((await fetch(`${server.url}/ready`)).status).toBe(200);
  expect(server.pid).toBe(pid);
});
