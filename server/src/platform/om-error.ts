import { errors, type ErrorCode } from "@om/protocol";

/** An error of the closed table. Whatever else is thrown is a defect or an outage and shows as `internal_error` or `unavailable`. */
export class OmError extends Error {
  readonly code: ErrorCode;
  readonly status: number;

  /** @param text replaces the table's text where the contract has several texts for one code */
  constructor(code: ErrorCode, text: string = errors[code].text) {
    super(text);
    this.code = code;
    this.status = errors[code].status;
  }
}
