import { startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "../fixtures/chat-server.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

const patient = { timeout: 20_000, interval: 20 };
const typed = ({ frames }: TestSocket) =>
  frames.filter(({ type }) => type === "typing").map((frame) => frame["is_typing"]);

describe.each(["without Redis", "with Redis"])("%s", (how) => {
  let server: ChatServer;
  let group = 0;
  const people: TestUser[] = [];
  beforeAll(async () => {
    const env: Record<string, string> = how === "with Redis" ? { REDIS_URL: redis.url } : {};
    server = await startChatServer(env);
    for (const name of ["ada", "ben", "foe"]) people.push(await server.register(name));
    group = (await server.post("/api/groups", person(0), { name: "All", is_public: true, handle: "strangers" })).body[
      "id"
    ] as number;
    for (const { id } of people.slice(1)) await server.post(`/api/groups/${group}/members`, person(0), { user_id: id });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const person = (at: number): TestUser => people[at] ?? { id: 0, name: "", token: "" };

  /** What each answer that shows `who` says of whether they are there. */
  async function shownTo(viewer: TestUser, who: TestUser): Promise<unknown[]> {
    const user = (await server.get(`/api/users/${who.id}`, viewer)).body["user"] as Face;
    const members = (await server.get(`/api/groups/${group}/members`, viewer)).body as unknown as Face[];
    const found = (await server.get(`/api/users/search?q=${who.name}`, viewer)).body["users"] as Face[];
    const posts = (await server.get(`/api/groups/${group}/messages`, viewer)).body["messages"] as { sender: Face }[];
    const faces = [user, ...members, ...found, ...posts.map(({ sender }) => sender)];
    return [...new Set(faces.filter(({ id }) => id === who.id).map((face) => face.is_online))];
  }
  interface Face {
    id: number;
    is_online: boolean;
  }

  test("presence is shown, and told, to those alone to whom one has written; the first message changes every kept answer", async () => {
    const [ada, ben, foe] = [person(0), person(1), person(2)];
    const own = await server.open(ada);
    const [watch, spy] = [await server.open(ben), await server.open(foe)];
    await server.post(`/api/groups/${group}/messages`, ada, { client_id: `g ${how}`, content: "to all" });
    for (const viewer of [ben, foe])
      await vi.waitFor(async () => expect(await shownTo(viewer, ada)).toEqual([false]), patient);
    await vi.waitFor(async () => expect(await shownTo(ada, ada)).toEqual([true]), patient);
    // An unasked message opens nothing to its sender.
    await server.post("/api/messages", foe, { recipient_id: ada.id, content: "hi" });
    await server.post("/api/messages", ada, { recipient_id: ben.id, content: "hello" });
    await vi.waitFor(async () => expect(await shownTo(ben, ada)).toEqual([true]), patient);
    expect(await shownTo(foe, ada)).toEqual([false]);
    await vi.waitFor(async () => expect(await shownTo(ada, foe)).toEqual([true]), patient);
    own.ws.close();
    await own.closed;
    expect(await watch.next("user_status")).toMatchObject({ user_id: ada.id, is_online: false });
    await spy.settled();
    expect(spy.frames.filter(({ type }) => type === "user_status")).toEqual([]);
    const list = (await server.get("/api/conversations", foe)).body["conversations"] as { peer: object | null }[];
    expect(list.find(({ peer }) => peer !== null)).toMatchObject({
      peer: { id: ada.id, is_online: false, last_seen: null },
    });
  });

  test("typing goes to those alone to whom one has written, and ends with the socket", async () => {
    const [ada, ben, foe] = [person(0), person(1), person(2)];
    const [watch, spy] = [await server.open(ben), await server.open(foe)];
    const from = await server.open(ada);
    await server.post("/api/messages", ada, { recipient_id: ben.id, content: "again" });
    from.send("typing", { recipient_id: foe.id, is_typing: true });
    from.send("typing", { recipient_id: ben.id, is_typing: true });
    from.send("typing", { group_id: group, is_typing: true });
    await from.settled();
    from.ws.terminate();
    await vi.waitFor(() => expect(typed(watch)).toEqual([true, true, false, false]), patient);
    await vi.waitFor(() => expect(typed(spy)).toEqual([true, false]), patient);
    expect(spy.frames.find(({ type }) => type === "typing")).toMatchObject({ conversation_id: `group_${group}` });
  });
});
