import { expect, test } from "vitest";
import { handshake } from "./handshake.ts";
import type { Reply } from "./redis.ts";

/** A handshake with a server that says this of its version. */
const handshakeWith = (lines: string): Promise<string> => {
  const call = (_: number, command: string, section: string): Promise<Reply> =>
    Promise.resolve(
      command === "INFO"
        ? Buffer.from(section === "server" ? `run_id:run\r\n${lines}` : "role:master\r\nmaster_replid:replication\r\n")
        : 1,
    );
  const endpoint = { host: "", port: 0, username: "", password: "", db: 0, tls: undefined };
  return handshake({ call }, endpoint, []);
};

test.each(["2.8.24", "5.0.14", "6.0.20", "6.1.242"])("Redis %s is too old", async (version) => {
  const refused = `this Redis is ${version}, which is too old: use 6.2 or newer`;
  await expect(handshakeWith(`redis_version:${version}\r\n`)).rejects.toThrow(refused);
});

test.each(["redis_version:6.2.0", "redis_version:7.2.4\r\nvalkey_version:8.1.0", "redis_version:10.0.1", "os:Linux"])(
  "a server that says %j is not",
  async (lines) => {
    await expect(handshakeWith(`${lines}\r\n`)).resolves.toBe("run-replication");
  },
);
