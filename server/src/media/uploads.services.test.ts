import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openMedia } from "../../tests/fixtures/media-server.ts";
import { multipart, multipartType, type Part } from "../../tests/fixtures/multipart.ts";
import { png } from "../../tests/fixtures/pictures.ts";

const route = "/api/media/attachments";
const attachment = (data: Buffer | string, filename = "a.jpg", name = "attachment"): Part => ({ name, filename, data });

describeDatabases("uploads", (database) => {
  let ann = 0;
  let ben = 0;
  beforeAll(async () => {
    [ann = 0, ben = 0] = await database.addUsers("ann", "ben");
  });

  test("MEDIA_USER_BYTES bounds what one person keeps, and what is removed makes room", async () => {
    await using open = await openMedia(database.db, { env: { MEDIA_USER_BYTES: "10" } });
    const [max = 0, mia = 0] = await database.addUsers("quota-a", "quota-b");
    const upload = async (user: number, bytes: number) => {
      const answer = await open.upload(user, route, attachment("x".repeat(bytes), "a.txt"));
      return answer.status === 200 ? 200 : [answer.status, answer.json()["code"]];
    };
    expect([await upload(max, 6), await upload(max, 5), await upload(max, 4)]).toEqual([
      200,
      [413, "quota_exceeded"],
      200,
    ]);
    // Full: told before the file is read.
    expect([await upload(max, 1), await upload(mia, 10)]).toEqual([[413, "quota_exceeded"], 200]);
    expect(open.keys().filter((key) => key.includes(`attachments/${max}/`))).toHaveLength(2);
    open.clock.now += 25 * 3_600_000;
    await open.media.sweepAttachments();
    expect(await upload(max, 10)).toBe(200);
  });

  test("MEDIA_TOTAL_BYTES bounds what all keep together, MEDIA_MIN_FREE_BYTES what the disk has left", async () => {
    const [row] = await database.rows<{ bytes: string }>("select coalesce(sum(bytes), 0) as bytes from attachments");
    const env = { MEDIA_TOTAL_BYTES: String(Number(row?.bytes) + 10) };
    await using open = await openMedia(database.db, { env });
    expect((await open.upload(ann, route, attachment("x".repeat(10)))).status).toBe(200);
    const full = await open.upload(ben, route, attachment("x"));
    expect([full.status, full.json()["code"]]).toEqual([507, "storage_full"]);
    const floor = { MEDIA_MIN_FREE_BYTES: "999999999999999" };
    await using narrow = await openMedia(database.db, { env: floor });
    for (const [path, part] of [
      [route, attachment("x")],
      ["/api/users/me/avatar", attachment(await png(), "a.png", "avatar")],
    ] as const) {
      const answer = await narrow.upload(ann, path, part);
      expect([answer.status, answer.json()["code"]]).toEqual([507, "storage_full"]);
    }
    expect(narrow.keys()).toEqual([]);
    await using bucket = await openMedia(database.db, { env: floor, storage: "S3" });
    expect((await bucket.upload(ann, route, attachment("x"))).status).toBe(200);
  });

  test("of one person four uploads are under way, the next waits its turn, and others need not wait", async () => {
    await using open = await openMedia(database.db);
    const body = multipart(attachment("x".repeat(1000)));
    const begin = async (): Promise<Socket> => {
      const socket = connect(open.port, "127.0.0.1");
      socket.write(
        `POST ${route} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ann}\r\ncontent-type: ${multipartType["content-type"]}\r\n` +
          `content-length: ${body.length}\r\n\r\n`,
      );
      socket.write(body.subarray(0, 500));
      return socket;
    };
    const begun = await Promise.all(Array.from({ length: 4 }, begin));
    await expect.poll(() => existsSync(open.incoming) && readdirSync(open.incoming).length).toBe(4);
    let isDone = false;
    const fifth = open.upload(ann, route, attachment("y")).finally(() => (isDone = true));
    expect((await open.upload(ben, route, attachment("z"))).status).toBe(200);
    expect([isDone, readdirSync(open.incoming).length]).toEqual([false, 4]);
    begun[0]?.write(body.subarray(500));
    expect((await fifth).status).toBe(200);
    for (const socket of begun) socket.destroy();
  });

  test("what a crash left of uploads is swept away, what is new stays", async () => {
    await using open = await openMedia(database.db);
    await open.media.sweep();
    await open.upload(ann, route, attachment("x"));
    expect(readdirSync(open.incoming)).toEqual([]);
    mkdirSync(`${open.incoming}/left/deep`, { recursive: true });
    await open.media.sweep();
    expect(readdirSync(open.incoming)).toEqual(["left"]);
    open.clock.now += 2 * 3_600_000;
    await open.media.sweep();
    expect(readdirSync(open.incoming)).toEqual([]);
  });
});
