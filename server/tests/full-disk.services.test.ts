import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres, type PostgresServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChatServer } from "./fixtures/chat-server.ts";

/** A file system of its own, which takes root. */
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
let disk: string;
let postgres: PostgresServer | undefined;

beforeAll(async () => {
  if (!isRoot) return;
  disk = mkdtempSync(join(tmpdir(), "om-small-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=200m", "tmpfs", disk]);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = disk;
  postgres = await startPostgres().finally(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
});
afterAll(async () => {
  if (!isRoot) return;
  await postgres?.[Symbol.asyncDispose]();
  execFileSync("umount", ["--lazy", disk]);
  rmSync(disk, { recursive: true });
});

test.runIf(isRoot)(
  "a full disk under PostgreSQL: 503, what is acknowledged is there, and it goes on when there is room",
  async () => {
    const url = postgres?.createDatabase() ?? "";
    await using node = await startChatServer({ DATABASE_URL: url });
    const [ada, ben] = [await node.register("ada"), await node.register("ben")];
    const say = (content: string) =>
      node.post("/api/messages", ada, { recipient_id: ben.id, content, client_id: randomBytes(8).toString("hex") });
    const { body } = await say("first");
    const id = Number(body["id"]);
    const ballast = join(disk, "ballast");
    const { bavail, bsize } = statfsSync(disk);
    execFileSync("fallocate", ["--length", `${bavail * bsize}`, ballast]);

    let acknowledged = "first";
    let status = 200;
    for (let tries = 0; status === 200 && tries < 500; tries++) {
      const content = randomBytes(7_000).toString("hex");
      const answer = await node.put(`/api/messages/${id}`, ada, { content });
      ({ status } = answer);
      if (status === 200) acknowledged = content;
      else expect(answer).toMatchObject({ status: 503, body: { error: expect.any(String) as unknown } });
    }
    expect(status).toBe(503);
    const sent = say(randomBytes(7_000).toString("hex"));
    rmSync(ballast);
    expect((await sent).status).toBe(201);
    expect(postgres?.sql(url, `select content from messages where id = ${id}`)).toBe(acknowledged);
    expect((await node.put(`/api/messages/${id}`, ada, { content: "last" })).status).toBe(200);
  },
);
