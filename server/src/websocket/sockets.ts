import { randomBytes } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { limits } from "@om/protocol";
import proxyAddress from "@fastify/proxy-addr";
import type { Config } from "../config.ts";
import type { Hub } from "../delivery/hub.ts";
import type { Allowances } from "../platform/allowances.ts";
import type { FrameHandlers } from "../platform/frame-handlers.ts";
import type { Clock } from "../platform/clock.ts";
import type { UseTicket, VerifyToken } from "../platform/caller.ts";
import { requestId } from "../http/responses.ts";
import { loggedPath } from "../platform/telemetry/logger.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { acceptUpgrades, type AcceptedUpgrade } from "./accept.ts";
import { createAdmission } from "./admission.ts";
import { Connection, type ConnectionDeps } from "./connection.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { createUnsentBytes } from "./unsent-bytes.ts";

interface Options {
  config: Config;
  server: Server;
  isAllowed: (origin: string | undefined, host: string | undefined) => boolean;
  verify: VerifyToken;
  useTicket: UseTicket;
  hub: Hub;
  allowances: Allowances;
  monotonic: Clock;
  pause: (ms: number) => Promise<void>;
  /** What is done with each frame, but for those that only show that somebody is there. */
  frames: Omit<FrameHandlers, "ping" | "pong">;
  /** What waits for a client, and what is done when it has it. */
  messages: Pick<ConnectionDeps, "backlog" | "deliveries">;
  presence: Pick<ConnectionDeps, "userActive">;
  telemetry: Telemetry;
  now: Clock;
}

/** All sockets of this process. Disposing it refuses new ones and closes the others with a code that invites them back. */
export function openSockets({ config, server, hub, telemetry, ...on }: Options) {
  const open = new Set<Connection>();
  const unsentBytes = createUnsentBytes(config.sendQueueBytes);
  const heartbeat = createHeartbeat({ periodMs: 30_000, timeoutMs: 90_000, now: on.monotonic });
  const deps = connectionDeps(config, telemetry, on);
  const isTrusted = proxyAddress.compile(config.trustProxy);
  /** Of the client, of trusted proxies by what they say. */
  const ipOf = (request: IncomingMessage): string => proxyAddress(request, isTrusted);
  let stopping = false;

  function accept({ request, ws, raw, ...upgrade }: AcceptedUpgrade): void {
    // In one piece: a UUID is put together of 19, which takes 600 bytes for as long as the socket lives.
    const id = randomBytes(16).toString("base64url");
    const { userId } = upgrade.caller;
    const shared = { allowance: on.allowances.of(userId), unsent: unsentBytes.of(userId) };
    const connection = new Connection(ws, raw, { ...upgrade, ...shared, id, openedAt: on.now() }, deps);
    open.add(connection);
    hub.add(connection);
    heartbeat.add(connection);
    telemetry.sockets.opened(connection.facts(), { request: requestId(request), ip: ipOf(request) });
    ws.on("close", (code) => {
      telemetry.sockets.closed(connection.facts(), code);
      heartbeat.remove(connection);
      open.delete(connection);
      hub.remove(connection);
      unsentBytes.closed(userId);
    });
    void connection.start();
  }

  acceptUpgrades(server, {
    ...on,
    admit: createAdmission({ perSecond: config.socketsPerSecond, now: on.monotonic, pause: on.pause }),
    async throttle({ userId }) {
      const wait = on.allowances.of(userId).takeOrRefuse("sockets");
      if (wait > 0) await on.pause(wait);
    },
    hasCapacity: () => !stopping && (config.maxSockets === 0 || open.size < config.maxSockets),
    open: accept,
    onRefused(request, answered) {
      const asked = { method: "GET", path: loggedPath(request.url ?? ""), user: undefined, session: undefined };
      const id = requestId(request);
      telemetry.http.answered({ id, route: "/ws", ...answered }, () => ({ ...asked, ip: ipOf(request) }));
    },
  });
  return {
    /** Bytes that wait for slow clients, over all sockets. */
    queueBytes: (): number => [...open].reduce((sum, connection) => sum + connection.queueBytes(), 0),
    /** Takes no new ones, and sends the others away one after the other within `ms`, or at once when `hurry` aborts; resolves when all are gone. */
    async drain(ms: number, hurry: AbortSignal): Promise<void> {
      stopping = true;
      await sendAway([...open], { ms, hurry, now: on.monotonic });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      stopping = true;
      heartbeat[Symbol.dispose]();
      await Promise.all([...open].map((connection) => connection[Symbol.asyncDispose]()));
    },
  };
}

async function sendAway(
  leaving: readonly Connection[],
  { ms, hurry, now }: { ms: number; hurry: AbortSignal; now: Clock },
): Promise<void> {
  const began = now();
  const gone: Promise<void>[] = [];
  for (const connection of leaving) {
    const wait = began + (gone.length / leaving.length) * ms - now();
    if (wait > 0) await delay(wait, undefined, { signal: hurry }).catch(() => undefined);
    gone.push(connection[Symbol.asyncDispose]());
  }
  await Promise.all(gone);
}

function connectionDeps(
  config: Config,
  telemetry: Telemetry,
  on: Pick<Options, "frames" | "messages" | "presence" | "monotonic" | "pause">,
): ConnectionDeps {
  return {
    handlers: { ...on.frames, ping: (source) => source.reply({ type: "pong" }), pong: () => undefined },
    backlog: on.messages.backlog,
    deliveries: on.messages.deliveries,
    userActive: on.presence.userActive,
    now: on.monotonic,
    pause: on.pause,
    unreadBytes: config.sendQueueBytes / 4,
    // Four bytes a character at the most, and what else a message has.
    maxFrameBytes: Math.max(limits.frameBytes, 4 * config.maxMessageLength + 4_096),
    observe: telemetry.sockets,
  };
}
