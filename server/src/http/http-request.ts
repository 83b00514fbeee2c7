import { IncomingMessage } from "node:http";

/**
 * A request as Node reads it, but for offers of other protocols than WebSocket, such as h2c: those are ignored, as any offer may be. Node
 * itself would hand each of them to the handler of upgrades.
 */
export class HttpRequest extends IncomingMessage {
  declare private offersUpgrade: boolean | null;

  /** Set when the header is read, and asked before anything is done with the request. */
  get upgrade(): boolean {
    return this.offersUpgrade === true && this.headers.upgrade?.toLowerCase() === "websocket";
  }
  set upgrade(offers: boolean | null) {
    this.offersUpgrade = offers;
  }
}
