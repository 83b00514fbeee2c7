import { startOmServer, startRedis } from "@om/services";
import { describe, expect, test } from "vitest";
import { openTestSocket, startChatServer } from "../fixtures/chat-server.ts";
import { migratedDatabase } from "../fixtures/migrated-database.ts";

describe.each(["Redis", "PostgreSQL alone"])("nodes that share %s", (between) => {
  test("D-18: kill -9 of a server: another one tells that its users came and went, and when they were last there", async () => {
    await using redis = between === "Redis" ? await startRedis() : undefined;
    const env = { DATABASE_URL: await migratedDatabase(), ...(redis && { REDIS_URL: redis.url }) };
    await using survivor = await startChatServer(env);
    await using crashing = await startOmServer({ ...env, LOG_LEVEL: "silent" });
    const [ada, ben, eve] = [
      await survivor.register("ada"),
      await survivor.register("ben"),
      await survivor.register("eve"),
    ];
    await survivor.post("/api/messages", ben, { recipient_id: ada.id, content: "hi" });
    await survivor.post("/api/messages", eve, { recipient_id: ada.id, content: "hi" });
    const peer = await survivor.open(ada);
    for (const user of [ben, eve]) {
      const { caughtUp } = await openTestSocket(`${crashing.url.replace("http", "ws")}/ws?token=${user.token}`, []);
      await caughtUp;
    }
    const came = [await peer.next("user_status"), await peer.next("user_status")];
    expect(came.map(({ user_id, is_online }) => [user_id, is_online])).toEqual(
      expect.arrayContaining([ben, eve].map(({ id }) => [id, true])),
    );
    const online = async () =>
      /^om_online_users (.*)$/m.exec(await (await fetch(`${survivor.url}/metrics`)).text())?.[1];
    await expect.poll(online, { timeout: 10_000 }).toBe("3");
    await survivor.open(eve);
    await crashing.kill();
    // Within 8 s of silence and the 2 s in which somebody notices.
    expect(await peer.next("user_status")).toMatchObject({ user_id: ben.id, is_online: false });
    expect(await online()).toBe("2");
    const seen = async (id: number) => (await survivor.get(`/api/users/${id}`, ada)).body["user"];
    await expect
      .poll(() => seen(ben.id), { timeout: 10_000 })
      .toMatchObject({ is_online: false, last_seen: expect.any(String) });
    expect(await seen(eve.id)).toMatchObject({ is_online: true, last_seen: null });
  });
});
