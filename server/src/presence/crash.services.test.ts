import { startPostgres } from "@om/services";
import { expect, test } from "vitest";
import { startChatServer } from "../testing/chat-server.ts";

test("D-18: a server that starts after a crash takes nobody for online who was", async () => {
  await using postgres = await startPostgres();
  const env = { DATABASE_URL: postgres.createDatabase() };
  await using crashed = await startChatServer(env);
  const [ada, ben] = [await crashed.register("ada"), await crashed.register("ben")];
  await crashed.open(ben);
  const path = `/api/users/${ben.id}`;
  expect((await crashed.get(path, ada)).body).toMatchObject({ user: { is_online: true } });
  // As if the first had gone without a word: nothing was written, nothing was cleaned up.
  await using next = await startChatServer(env);
  expect((await next.get(path, ada)).body).toMatchObject({ user: { is_online: false } });
});
