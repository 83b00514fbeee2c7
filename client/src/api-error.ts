import { errors, type ErrorCode } from "@om/protocol";

/** An answer that is not 2xx. */
export class OmApiError extends Error {
  readonly status: number;
  /** Of the protocol's closed list; "" when the answer names none, as a proxy's would. */
  readonly code: string;
  /** The same call may succeed later without being changed. */
  readonly retry: boolean;
  readonly requestId: string;

  constructor(status: number, answer: { error?: string; code?: string; request_id?: string }) {
    super(answer.error === undefined || answer.error === "" ? `HTTP ${status}` : answer.error);
    this.name = "OmApiError";
    this.status = status;
    this.code = answer.code ?? "";
    this.retry = isKnown(this.code) ? errors[this.code].retry : status === 429 || status >= 500;
    this.requestId = answer.request_id ?? "";
  }
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(errors, code);
}

/** @throws OmApiError when the answer is not 2xx */
export async function parseResponse(response: Response): Promise<unknown> {
  const text = await response.text();
  const value = parse(text);
  if (response.ok) return value;
  const requestId = response.headers.get("x-request-id") ?? undefined;
  const known = typeof value === "object" && value !== null ? value : { error: text.slice(0, 200) };
  throw new OmApiError(response.status, { ...(requestId === undefined ? {} : { request_id: requestId }), ...known });
}

/** @throws OmApiError when the answer is not 2xx */
export async function responseBytes(response: Response): Promise<Uint8Array> {
  if (!response.ok) await parseResponse(response);
  return new Uint8Array(await response.arrayBuffer());
}

function parse(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
