import { checkOutPrevious, startOmServer, startPostgres, startRedis } from "@om/services";
import { expect, test } from "vitest";
import { openDevice, register, type Device } from "./testing/device.ts";

/** Whatever is not pushed from one build to the other is read within a second. */
const open = (url: string, person: Awaited<ReturnType<typeof register>>): Device =>
  openDevice(url, person, undefined, { rereadEvery: 1_000 });

/** The other build is compiled first. */
const long = { timeout: 180_000 };

test(
  "the build of the commit before this one and this one serve people side by side, before and after each is restarted",
  long,
  async () => {
    // An archive has no history: then this build stands in for the one before, and what is shown is that two nodes agree.
    using previous = checkOutPrevious();
    await using postgres = await startPostgres();
    await using redis = await startRedis();
    const env = { DATABASE_URL: postgres.createDatabase(), REDIS_URL: redis.url, LOG_LEVEL: "warn" };
    // The old one has made the schema; the new one changes it while the old one serves.
    await using older = await startOmServer(env, previous?.folder);
    const ada = await register(older.url, "ada");
    await using newer = await startOmServer(env);
    const ben = await register(newer.url, "ben");
    await using from = open(older.url, ada);
    await using to = open(newer.url, ben);
    for (const device of [from, to]) await device.until(() => device.connection.isLive);

    const texts: string[] = [];
    const talk = async (round: string): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        texts.push(`${round} ${i}`);
        const [sender, peer] = i % 2 === 0 ? [from, ben] : [to, ada];
        await sender.connection.send({ to: peer.id, content: `${round} ${i}` }).acked;
      }
      const of = (parity: number): string[] => texts.filter((_, i) => i % 2 === parity);
      await to.until(() => to.messages.length >= of(0).length);
      await from.until(() => from.messages.length >= of(1).length);
      expect(to.messages.map(({ content }) => content)).toEqual(of(0));
      expect(from.messages.map(({ content }) => content)).toEqual(of(1));
    };
    await talk("side by side");

    // Of either build, what the other one has written is edited, deleted and read.
    const [first, second] = [to.messages[0]?.id ?? 0, from.messages[0]?.id ?? 0];
    await ada.api.editMessage({ params: { id: first }, body: { content: "edited" } });
    await to.until(() => to.updated.some(({ id }) => id === first));
    await ben.api.deleteMessage({ params: { id: second } });
    await from.until(() => from.signs.includes(`user_${ben.id} deleted ${second}`));
    to.connection.markRead(to.messages.at(-1)?.id ?? 0);
    await from.until(() => from.signs.includes(`${ben.id} read`));

    // One after the other becomes the new build, as in a rolling deploy; its people come back by themselves.
    await newer.stop();
    await newer.start();
    await to.until(() => to.connection.isLive);
    await talk("new again");
    await older.stop();
    await using replaced = await startOmServer({ ...env, PORT: new URL(older.url).port });
    await from.until(() => from.connection.isLive);
    await talk("new only");
    const page = await ada.api.history({ query: { recipient_id: ben.id, limit: 100 } });
    expect(page.messages.length).toBe(texts.length - 1);
    for (const server of [newer, replaced]) expect(server.output()).not.toMatch(/"level":"(error|fatal)"/);
  },
);
