import type { PositionUpdate, AdvancedPosition } from "../conversations/position-store.ts";
import type { NewMessage, StoredRow } from "./message-store.ts";

/** A message to store and the socket that sent it. */
export interface SendWrite {
  kind: "send";
  message: NewMessage;
  socketId?: string | undefined;
  /** An attachment that it names and somebody else has uploaded: for who may not read it, the message is only the text `url`. */
  foreignAttachment?: { key: string; url: string } | undefined;
}

export interface AdvanceWrite {
  kind: "advance";
  update: PositionUpdate;
}

/** One item of a write lane. */
export type Write = SendWrite | AdvanceWrite;

/** `undefined`: no such recipient, not a member of the group, or no position moved. */
export type WriteResult = StoredRow | AdvancedPosition | undefined;
