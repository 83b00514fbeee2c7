import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Messages of PostgreSQL's protocol 3. */
const loggedIn = Buffer.from("R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I", "latin1");
const goodbye = "X".charCodeAt(0);

/**
 * What PgBouncer is in transaction mode with a pool of one: all clients are led to one connection of PostgreSQL, and each is told a process
 * that is none. For clients that ask one after the other.
 * @returns its URL
 */
export async function startTransactionPooler(url: string): Promise<{ url: string } & AsyncDisposable> {
  const { username, pathname, port } = new URL(url);
  const upstream = connect(Number(port), "127.0.0.1");
  const startup = Buffer.from(`\0\0\0\0\0\x03\0\0user\0${username}\0database\0${pathname.slice(1)}\0\0`, "latin1");
  startup.writeInt32BE(startup.length);
  upstream.write(startup);
  await once(upstream, "data");
  let asking: Socket | undefined;
  upstream.on("data", (bytes) => asking?.write(bytes));
  const server = createServer((client) => {
    client.once("data", () => {
      client.write(loggedIn);
      client.on("data", (bytes: Buffer) => {
        if (bytes[0] === goodbye) return client.end();
        asking = client;
        return upstream.write(bytes);
      });
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `postgresql://${username}@127.0.0.1:${own}${pathname}`,
    async [Symbol.asyncDispose]() {
      upstream.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
