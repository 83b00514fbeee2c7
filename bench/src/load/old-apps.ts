import { setTimeout as delay } from "node:timers/promises";
import { nowMs } from "../measure.ts";
import { openSockets, type BenchSocket } from "./socket.ts";

/** Sockets that come back by themselves soon after they were closed, as those of existing apps do, and cost little. */
export interface OldApps extends Disposable {
  /** How often one was closed, and the longest that one was away, in ms; from then on it counts anew. */
  journey(): { moves: number; away: number };
}

/** Before they come back, in ms: anywhere up to. */
const pauseMs = 500;

/** Resolves when all are open. */
export async function openOldApps(urls: readonly string[]): Promise<OldApps> {
  const sockets: BenchSocket[] = [];
  let isOver = false;
  let [moves, away] = [0, 0];
  async function comeBack(i: number): Promise<void> {
    const closedAt = nowMs();
    moves += 1;
    for (let isBack = false; !isBack && !isOver;) {
      await delay(Math.random() * pauseMs);
      isBack = await openSockets([urls[i] ?? ""], () => listener(i)).then(
        ([socket]) => socket !== undefined && (sockets[i] = socket) === socket,
        () => false,
      );
      away = Math.max(away, nowMs() - closedAt);
    }
  }
  const listener = (i: number) => ({
    onFrame: () => undefined,
    onClose: () => void (isOver || comeBack(i)),
  });
  sockets.push(...(await openSockets(urls, listener)));
  return {
    journey() {
      const all = { moves, away };
      [moves, away] = [0, 0];
      return all;
    },
    [Symbol.dispose]() {
      isOver = true;
      for (const socket of sockets) socket[Symbol.dispose]();
    },
  };
}
