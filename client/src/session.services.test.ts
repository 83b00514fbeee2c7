import { createHmac } from "node:crypto";
import { startOmServer, type OmServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi } from "./api.ts";
import { memoryState } from "./state.ts";
import { openDevice, register } from "./testing/device.ts";
import { memoryTokens, decodeClaims } from "./tokens.ts";

const secret = "a secret of this file, long enough for HS256";
let server: OmServer;
beforeAll(async () => {
  server = await startOmServer({ JWT_SECRET: secret });
});
afterAll(() => server[Symbol.asyncDispose]());

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An access token whose time is over, or which is signed with another key. */
function token(userId: number, secondsLeft: number, key = secret): string {
  const exp = Math.floor(Date.now() / 1000) + secondsLeft;
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ email: "", exp, role: "user", user_id: userId })}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

test("an access token that has expired is renewed once, for calls and for the line", async () => {
  const ann = await register(server.url, "ann");
  const stale = { accessToken: token(ann.id, -1), refreshToken: ann.tokens.refreshToken };
  const store = memoryTokens(stale);
  const api = createApi({ baseUrl: server.url, tokens: store });
  const [me] = await Promise.all([api.me(), api.conversations(), api.peers()]);
  expect(me.user.id).toBe(ann.id);
  expect(store.load()?.refreshToken).not.toBe(stale.refreshToken);
  expect(decodeClaims(store.load()?.accessToken ?? "")).toMatchObject({ userId: ann.id });
  // The old refresh token is good for a while, as after a lost answer.
  await using device = openDevice(server.url, { ...ann, tokens: stale });
  await device.connection.whenLive();
});

test("a token that the server does not know is renewed after the handshake was refused", async () => {
  const bob = await register(server.url, "bob");
  const tokens = {
    accessToken: token(bob.id, 600, "the key of another server"),
    refreshToken: bob.tokens.refreshToken,
  };
  await using device = openDevice(server.url, { ...bob, tokens });
  await device.connection.whenLive();
});

test("a session that was ended ends the connection instead of trying for ever", async () => {
  const cid = await register(server.url, "cid");
  await createApi({ baseUrl: server.url, tokens: memoryTokens(cid.tokens) }).logout();
  const tokens = { accessToken: token(cid.id, -1), refreshToken: cid.tokens.refreshToken };
  await using device = openDevice(server.url, { ...cid, tokens });
  await expect(device.connection.whenLive()).rejects.toThrow("ended");
});

test("what was written while the server is down is sent by the device's next run, in order and once", async () => {
  const [dot, eli] = await Promise.all([register(server.url, "dot"), register(server.url, "eli")]);
  const state = memoryState();
  const texts = Array.from({ length: 20 }, (_, i) => `dark ${i}`);
  await using to = openDevice(server.url, eli);
  await to.connection.whenLive();
  {
    await using from = openDevice(server.url, dot, state);
    await from.connection.whenLive();
    await server.kill();
    for (const content of texts) from.connection.send({ to: eli.id, content });
  }
  expect(state.load()?.outbox).toHaveLength(20);
  await server.start();
  await using again = openDevice(server.url, dot, state);
  await again.connection.drained();
  await to.until(() => to.messages.length === 20);
  expect(to.messages.map(({ content }) => content)).toEqual(texts);
});

test("a message to nobody is refused for good, and the next one to somebody is not held up", async () => {
  const [fay, gus] = await Promise.all([register(server.url, "fay"), register(server.url, "gus")]);
  await using device = openDevice(server.url, fay);
  await device.connection.whenLive();
  const lost = device.connection.send({ to: 999_999, content: "nobody" }).acked;
  await device.connection.send({ to: gus.id, content: "somebody" }).acked;
  await expect(lost).rejects.toMatchObject({ code: "user_not_found" });
});

test("a file goes up, and comes down again by the path of its URL", async () => {
  const { api } = await register(server.url, "hob");
  const { url } = await api.uploadAttachment({ file: new File(["some words"], "notes.txt") });
  const [, key = ""] = url.split("/api/media/attachments/");
  expect(new TextDecoder().decode(await api.attachmentFile({ params: { "*": key } }))).toBe("some words");
});
