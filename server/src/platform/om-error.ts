import { errors, frameErrors, type ErrorCode, type FrameErrorCode } from "@om/protocol";

/** An error of the closed table. Whatever else is thrown is a defect or an outage and shows as `internal_error` or `unavailable`. */
export class OmError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  /** Whose account it is about; for the log alone. */
  userId: number | undefined;

  /** @param text replaces the table's text where the contract has several texts for one code */
  constructor(code: ErrorCode, text: string = errors[code].text) {
    super(text);
    this.code = code;
    this.status = errors[code].status;
  }
}

/** A refusal of one WebSocket frame; the connection stays open. `clientId` names the `chat` that was refused. */
export class FrameRefusal extends Error {
  readonly code: FrameErrorCode;
  readonly clientId: string | undefined;
  readonly details: string | undefined;

  /** @param more.cause the defect or outage behind it, which is reported */
  constructor(code: FrameErrorCode, more: { clientId?: string; details?: string; cause?: unknown } = {}) {
    super(frameErrors[code], { cause: more.cause });
    this.code = code;
    this.clientId = more.clientId;
    this.details = more.details;
  }
}
