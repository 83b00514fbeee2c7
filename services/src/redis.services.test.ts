import { once } from "node:events";
import { createConnection } from "node:net";
import { expect, test } from "vitest";
import { startRedis, type RedisServer } from "./redis.ts";

test("a Redis of our own answers, and forgets everything when it is killed", async () => {
  await using redis = await startRedis();
  expect(redis.cli("SET", "key", "a b")).toBe("OK");
  expect(redis.cli("GET", "key")).toBe("a b");
  await redis.kill();
  expect(() => redis.cli("PING")).toThrow("ECONNREFUSED");
  await redis.start();
  expect(redis.cli("GET", "key")).toBe("");
});

test("with settings: a password, and a dump that the next start finds", async () => {
  await using redis = await startRedis({ requirepass: "a/b c", save: "3600 1" });
  expect(new URL(redis.url)).toMatchObject({ port: `${redis.port}`, password: "a%2Fb%20c" });
  redis.cli("SET", "key", "old");
  expect(redis.cli("SAVE")).toBe("OK");
  redis.cli("SET", "key", "new");
  await redis.kill();
  await redis.start();
  expect(redis.cli("GET", "key")).toBe("old");
});

test("paused it answers nothing, resumed it answers what was asked", async () => {
  await using redis = await startRedis();
  await using other = await startRedis();
  const said: string[] = [];
  const ask = async (name: string, { port }: RedisServer): Promise<void> => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.write("PING\r\n");
    await once(socket, "data");
    said.push(name);
    socket.destroy();
  };
  redis.pause();
  const paused = ask("paused", redis);
  await ask("other", other);
  await ask("other", other);
  expect(said).toEqual(["other", "other"]);
  redis.resume();
  await paused;
});
