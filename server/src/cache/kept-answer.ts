import type { RouteName } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { jsonText, type JsonText } from "../platform/json-text.ts";
import type { Answers, Question } from "./answers.ts";
import type { Reads } from "./recorder.ts";

/** Whose answer it is: an own address is shown as the token has it. */
export const questionOf = ({ userId, email }: Caller, url: string): Omit<Question, "route"> => ({ viewerId: userId, as: email, url });

/** Answers a request by an answer that is kept from now on. */
export function keptAnswer(answers: Pick<Answers, "serve">) {
  return async (route: RouteName, { caller, url }: { caller: Caller; url: string }, make: (reads: Reads) => Promise<unknown>): Promise<JsonText> => {
    const { body, etag } = await answers.serve({ ...questionOf(caller, url), route }, make);
    return jsonText(body, etag);
  };
}
