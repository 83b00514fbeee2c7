import { Type, type TObject, type TSchema } from "./typebox.ts";
import type { ErrorCode } from "./errors.ts";
import { Nullable, User } from "./entities.ts";
import { limits } from "./limits.ts";

/** Calls that are counted per user, together with the same on sockets; other routes with a token count as `reads` or `changes`. */
export type UserLimit =
  | "reads"
  | "changes"
  | "messages"
  | "members"
  | "groups"
  | "invites"
  | "searches"
  | "syncs"
  | "passwords";

/**
 * One HTTP route. `auth`: who may call. `csrf`: a browser must prove that its own page asked (§3.5). `limit`: the rate-limit
 * bucket it draws from. `body`: a body that does not fit is `invalid_request_body`; `bodyBytes`: a larger one than usual is taken. `query`: its parameters; all are text, for the
 * use-case to judge, and only those that stand here can be read. `summary`: one sentence for the documentation. `upload`: the body is
 * multipart/form-data with one file in `field`; the use-case answers for a larger file. `file`: the answer is the bytes of a file, to
 * be cached by its tag. A path that ends in `/*` takes any rest. `failure`: the code of a 500. `errors: "text"`: its own errors are
 * `{"error": <text>}` alone, without code and request id.
 */
export interface Route {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: `/${string}`;
  summary: string;
  auth: "none" | "token";
  csrf: boolean;
  /** `auth`, `refresh` and `names` count per address, all others per user. */
  limit?: "auth" | "refresh" | "names" | "avatar" | "attachment" | UserLimit;
  failure?: ErrorCode;
  errors?: "text";
  status: 200 | 201;
  query?: TObject;
  body?: TSchema;
  bodyBytes?: number;
  upload?: { field: string; maxBytes: number };
  file?: true;
  output: TSchema;
}

/** The largest body that a route takes, in bytes; undefined: it reads none. */
export function maxBodyBytes({ auth, body, bodyBytes, upload }: Route): number | undefined {
  if (upload !== undefined) return upload.maxBytes + limits.multipartBytes;
  if (body === undefined) return undefined;
  return bodyBytes ?? (auth === "none" ? limits.anonymousBodyBytes : limits.bodyBytes);
}

export const route = <const R extends Route>(definition: R): R => definition;

// What most routes have in common.
export const get = { method: "GET", auth: "token", csrf: false, status: 200 } as const;
export const post = { method: "POST", auth: "token", csrf: true, status: 200 } as const;
export const put = { ...post, method: "PUT" } as const;
export const remove = { ...post, method: "DELETE" } as const;

/** A query parameter that must be there. */
export const parameter = (description: string) => Type.String({ description });
/** A query parameter that may be left out. */
export const mayHave = (description: string) => Type.Optional(parameter(description));

// Parts of bodies and answers.
export const text = Type.String();
export const optionalText = Type.Optional(Nullable(text));
export const Ok = Type.Object({ ok: Type.Boolean() });
export const FileBytes = Type.Unsafe<Uint8Array>({ contentMediaType: "application/octet-stream" });
export const UserAnswer = Type.Object({ user: User });
