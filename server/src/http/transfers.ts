import type { IncomingMessage, ServerResponse } from "node:http";

export const transferLimits = {
  /** How long a transfer may stand still, in ms; so much credit it has at the most. */
  patienceMs: 30_000,
  /** What gives credit back: 16 KiB a second, a quarter of a bad line. */
  bytesPerMs: 16,
  checkEveryMs: 5_000,
  /** Of a body that was answered before its end so much is read and dropped, so that the answer arrives. */
  droppedBytes: 64 * 1024 * 1024,
  /** What the requests under way may hold in memory: of one user, or of one address without a token; and all together. */
  ownerBytes: 16 * 1024 * 1024,
  totalBytes: 256 * 1024 * 1024,
};

/** Smaller answers leave at once, or wait in a connection that is closed when it stands still. */
const smallAnswer = 64 * 1024;
/** What a file holds in memory on its way out. */
const fileBytes = 128 * 1024;

interface Transfer {
  moved: () => number;
  creditMs: number;
  maxCreditMs: number;
  seen: number;
  /** Bytes that it may still move. */
  left: number;
  onTooSlow: () => void;
}

/** Bodies that arrive and answers that leave: how slow they may be, and how much memory they may hold meanwhile. */
export function createTransfers(limits = transferLimits) {
  const transfers = new Set<Transfer>();
  const hold = createHolding(limits);
  let checked = performance.now();
  const check = (): void => {
    const now = performance.now();
    for (const transfer of transfers) {
      const moved = transfer.moved();
      const credit = transfer.creditMs + (moved - transfer.seen) / limits.bytesPerMs - (now - checked);
      transfer.left -= moved - transfer.seen;
      transfer.seen = moved;
      transfer.creditMs = Math.min(credit, transfer.maxCreditMs);
      if (credit >= 0 && transfer.left >= 0) continue;
      transfers.delete(transfer);
      transfer.onTooSlow();
    }
    checked = now;
  };
  const timer = setInterval(check, limits.checkEveryMs).unref();

  /** @param owed bytes that are on their way although `moved` does not tell of them. @returns ends the watch */
  function watch(
    { moved, owed = 0, most = Number.POSITIVE_INFINITY }: { moved: () => number; owed?: number; most?: number },
    onTooSlow: () => void,
  ): () => void {
    // What has passed since the last check is not its own.
    const maxCreditMs = limits.patienceMs + owed / limits.bytesPerMs;
    const creditMs = maxCreditMs + (performance.now() - checked);
    const transfer = { moved, creditMs, maxCreditMs, seen: moved(), left: most, onTooSlow };
    transfers.add(transfer);
    return () => void transfers.delete(transfer);
  }

  return {
    /** While a body is read. @returns ends the watch */
    receiving: ({ socket }: IncomingMessage, onTooSlow: () => void) =>
      watch({ moved: () => socket.bytesRead }, onTooSlow),
    /** What is left of a body that has been answered is dropped, as long as it comes; a client reads the answer when it has sent all. */
    dropping(request: IncomingMessage): void {
      const { socket } = request;
      const most = limits.droppedBytes;
      const stop = watch({ moved: () => socket.bytesRead, most }, () => request.complete || socket.destroy());
      request.once("close", stop);
    },
    /**
     * An answer that is about to leave, in one piece of `bytes` or as a stream.
     * @returns false when its owner has left too much unread already; it is then not to be sent
     */
    sending(response: ServerResponse, owner: string, answer: { bytes: number; streamed: boolean }): boolean {
      if (answer.bytes <= smallAnswer) return true;
      if (!hold(owner, response)(answer.streamed ? fileBytes : answer.bytes)) return false;
      const { socket } = response.req;
      const moved = answer.streamed ? () => socket.bytesWritten : () => 0;
      const owed = answer.streamed ? 0 : answer.bytes;
      response.once(
        "close",
        watch({ moved, owed }, () => socket.destroy()),
      );
      return true;
    },
    hold,
    stop: () => clearInterval(timer),
  };
}
export type Transfers = ReturnType<typeof createTransfers>;

/** Memory of requests under way, until their answers have left: takes bytes, or says false when there is too much already. */
function createHolding({ ownerBytes, totalBytes }: { ownerBytes: number; totalBytes: number }) {
  const byOwner = new Map<string, number>();
  let total = 0;
  return (owner: string, response: ServerResponse): ((bytes: number) => boolean) => {
    let mine = 0;
    response.once("close", () => {
      total -= mine;
      const left = (byOwner.get(owner) ?? 0) - mine;
      if (left > 0) byOwner.set(owner, left);
      else byOwner.delete(owner);
    });
    return (bytes) => {
      if (response.destroyed) return true;
      const own = byOwner.get(owner) ?? 0;
      // One alone may be as large as it is.
      if ((own > 0 && own + bytes > ownerBytes) || (total > 0 && total + bytes > totalBytes)) return false;
      mine += bytes;
      total += bytes;
      byOwner.set(owner, own + bytes);
      return true;
    };
  };
}
