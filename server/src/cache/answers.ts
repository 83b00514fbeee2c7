import type { RouteName } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { jsonText, type JsonText } from "../platform/json-text.ts";
import { examine, type AnswerResult } from "./answer-proof.ts";
import { keptAnswers, keptOf, nameOf, type Answer, type Kept, type Question } from "./answer-memory.ts";
import { createRecorder, type Reads, type Unrecorded } from "./recorder.ts";
import type { Witness } from "./witness.ts";

export interface Answers {
  /** Kept, and not yet proven to be right. */
  find(question: Omit<Question, "route">): Answer | undefined;
  /** Whether it would be the same if it were made now; asks after the call. */
  prove(answer: Answer): Promise<boolean>;
  /** The same for an audit, which counts for nothing else. */
  isRight(answer: Answer): Promise<boolean>;
  /** The answer as it is now. Whoever asks while it is being made shares it, if it is proven after he asked. */
  serve(question: Question, make: (reads: Reads) => Promise<unknown>): Promise<Answer>;
  /** Nothing older of this object may be shown by this node from now on. */
  raise(key: string, ver: number): void;
  /** Forgets all. */
  clear(): void;
  state(): { count: number; bytes: number };
}

export interface AnswersDeps {
  cache: Unrecorded;
  /** Lowest version of a key that this node may show. */
  floor: (key: string) => number;
  /** Who tells what is the newest, and who is asked when that one cannot say. */
  witnesses: () => readonly Witness[];
  maxBytes: number;
  /** Monotonic, in ms. */
  now: () => number;
  onResult: (result: AnswerResult) => void;
  /** Called with one of `auditEvery` answers that were proven. */
  audit?: ((answer: Kept) => void) | undefined;
}

/** One of this many hits is audited. */
export const auditEvery = 1_000;
/** Longer ones are not kept, in bytes. */
const maxBodyBytes = 512 * 1024;

export function createAnswers(deps: AnswersDeps): Answers {
  const { cache, witnesses, floor, now, onResult } = deps;
  const store = keptAnswers(deps.maxBytes);
  const running = new Map<string, Promise<Kept>>();
  let proven = 0;

  const prove = async (answer: Answer): Promise<boolean> => {
    const result = await examine(answer as Kept, witnesses(), now);
    onResult(result);
    if (result === "proven" && (proven += 1) % auditEvery === 0) deps.audit?.(answer as Kept);
    if (result === "changed") store.drop(answer as Kept);
    return result === "proven";
  };

  async function make(question: Question, work: (reads: Reads) => Promise<unknown>): Promise<Kept> {
    onResult("made");
    const { reads, recording } = createRecorder(cache);
    const body = Buffer.from(JSON.stringify(await work(reads)));
    const kept = keptOf(question, body, recording);
    const isOutdated = [...kept.objects].some(([key, ver]) => floor(key) > ver);
    if (recording.isComplete && !isOutdated && body.length <= maxBodyBytes) store.keep(kept);
    return kept;
  }

  return {
    find: (question) => store.find(nameOf(question)),
    prove,
    isRight: async (answer) => (await examine(answer as Kept, witnesses(), now)) === "proven",
    async serve(question, work) {
      const name = nameOf(question);
      for (
        let other = running.get(name), tries = 0;
        other !== undefined && tries < 2;
        other = running.get(name), tries++
      ) {
        const shared = await other.catch(() => undefined);
        if (shared !== undefined && (await prove(shared))) return shared;
      }
      const made = make(question, work);
      running.set(name, made);
      try {
        return await made;
      } finally {
        if (running.get(name) === made) running.delete(name);
      }
    },
    raise: store.raise,
    clear: store.clear,
    state: store.state,
  };
}

/** Whose answer it is: an own address is shown as the token has it. */
export const questionOf = ({ userId, email }: Caller, url: string): Omit<Question, "route"> => ({
  viewerId: userId,
  as: email,
  url,
});

/** Answers a request by an answer that is kept from now on. */
export function keptAnswer(answers: Pick<Answers, "serve">) {
  return async (
    route: RouteName,
    { caller, url }: { caller: Caller; url: string },
    make: (reads: Reads) => Promise<unknown>,
  ): Promise<JsonText> => {
    const { body, etag } = await answers.serve({ ...questionOf(caller, url), route }, make);
    return jsonText(body, etag);
  };
}
