import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "./config.ts";
import type { Features } from "./compose-features.ts";
import type { VerifyToken } from "./platform/caller.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { acceptUpgrades, type Accepted } from "./websocket/accept.ts";
import { Connection, type ConnectionDeps } from "./websocket/connection.ts";
import { createHeartbeat } from "./websocket/heartbeat.ts";
import { createTokenBucket } from "./websocket/token-bucket.ts";

/** All sockets of this process. Disposing it refuses new ones and closes the others with a code that invites them back. */
export interface Sockets extends AsyncDisposable {
  /** Bytes that wait for slow clients, over all sockets. */
  queueBytes(): number;
}

interface Options {
  config: Config;
  server: Server;
  isAllowed: (origin: string | undefined, host: string | undefined) => boolean;
  verify: VerifyToken;
  features: Features;
  /** A socket of the user answered a ping. */
  heard: (userId: number) => void;
  telemetry: Telemetry;
}

export function composeSockets({ config, server, isAllowed, verify, features, heard, telemetry }: Options): Sockets {
  const open = new Set<Connection>();
  const heartbeat = createHeartbeat({ periodMs: 30_000, deadlineMs: 90_000, now: Date.now });
  const deps: ConnectionDeps = {
    handlers: features.frames,
    backlog: features.backlog,
    proofs: features.proofs,
    heard,
    now: Date.now,
    pause: (ms) => delay(ms),
    sendQueueBytes: config.sendQueueBytes,
    observe: telemetry.sockets,
  };
  let stopping = false;

  function accept({ ws, raw, caller, gzip, resuming }: Accepted): void {
    const bucket = createTokenBucket(config.frameRate, config.frameBurst, Date.now);
    const connection = new Connection(ws, raw, { id: randomUUID(), caller, gzip, resuming, bucket }, deps);
    open.add(connection);
    features.hub.add(connection);
    const unwatch = heartbeat.add(connection);
    ws.once("close", () => {
      unwatch();
      open.delete(connection);
      features.hub.remove(connection);
    });
    void connection.start();
  }

  acceptUpgrades(server, {
    isAllowed,
    verify,
    hasRoom: () => !stopping && (config.maxSockets === 0 || open.size < config.maxSockets),
    open: accept,
  });
  return {
    queueBytes: () => [...open].reduce((sum, connection) => sum + connection.queueBytes(), 0),
    async [Symbol.asyncDispose]() {
      stopping = true;
      heartbeat[Symbol.dispose]();
      await Promise.all([...open].map((connection) => connection[Symbol.asyncDispose]()));
    },
  };
}
