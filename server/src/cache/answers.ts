import type { RouteName } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { jsonText, type JsonText } from "../platform/json-text.ts";
import { examine, type AnswerResult } from "./answer-proof.ts";
import { keptAnswers, keptOf, nameOf, type Answer, type Kept, type Make, type Question } from "./answer-memory.ts";
import { createRecorder, type Unrecorded } from "./recorder.ts";
import type { Witness } from "./witness.ts";

export interface Answers {
  /** Kept, and not yet proven to be right. */
  find(question: Omit<Question, "route">): Answer | undefined;
  /** Whether it would be the same if it were made now; asks after the call. */
  prove(answer: Answer): Promise<boolean>;
  /** The answer as it is now: this one, or what is made instead. undefined: it cannot be told, or is not to be given any more. */
  current(answer: Answer): Promise<Answer | undefined>;
  /** `prove` for an audit, which counts for nothing else. */
  isRight(answer: Answer): Promise<boolean>;
  /** The answer as it is now. Those who ask while it is being made share the next, which begins after that; it may be the same. */
  serve(question: Question, make: Make): Promise<Answer>;
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

/** An answer that is being made, and the next one, for those who asked meanwhile. */
interface Flight {
  began: number;
  answer: Promise<Kept>;
  next: Promise<Kept> | undefined;
}

export function createAnswers(deps: AnswersDeps): Answers {
  const { cache, witnesses, floor, now, onResult } = deps;
  const store = keptAnswers(deps.maxBytes);
  const flights = createFlights(now);
  let proven = 0;
  let clears = 0;

  const check = async (kept: Kept): Promise<AnswerResult> => {
    const result = await examine(kept, witnesses(), now);
    onResult(result);
    if (result === "proven" && (proven += 1) % auditEvery === 0) deps.audit?.(kept);
    if (result === "changed") store.expire(kept);
    return result;
  };
  const prove = async (answer: Answer): Promise<boolean> => (await check(answer as Kept)) === "proven";

  async function current(answer: Answer): Promise<Answer | undefined> {
    const kept = answer as Kept;
    const asked = now();
    const result = await check(kept);
    if (result !== "changed") return result === "proven" ? kept : undefined;
    try {
      return await share(kept.question, { make: kept.make, asked });
    } catch {
      // Whoever may not have it any more is told so where the reason is known.
      store.drop(kept);
      return undefined;
    }
  }

  async function build(question: Question, make: Make): Promise<Kept> {
    onResult("made");
    const before = clears;
    const { reads, recording } = createRecorder(cache);
    const body = Buffer.from(JSON.stringify(await make(reads)));
    const kept = keptOf(question, { body, make, recording });
    const isOutdated = [...kept.objects].some(([key, ver]) => floor(key) > ver);
    const isGood = recording.isComplete && !isOutdated && clears === before;
    if (isGood && body.length <= maxBodyBytes) store.keep(kept);
    return kept;
  }

  function share(question: Question, { make, asked }: { make: Make; asked: number }): Promise<Kept> {
    const again = async (last: Kept | undefined): Promise<Kept> =>
      last !== undefined && (await prove(last)) ? last : build(question, make);
    return flights(nameOf(question), asked, again);
  }

  return {
    find: (question) => store.find(nameOf(question)),
    prove,
    current,
    isRight: async (answer) => (await examine(answer as Kept, witnesses(), now)) === "proven",
    serve: (question, make) => share(question, { make, asked: Number.POSITIVE_INFINITY }),
    raise: store.raise,
    clear() {
      clears += 1;
      store.clear();
    },
    state: store.state,
  };
}

/**
 * Makes one answer of a name at a time. What began to be made after somebody asked is given to him too; else he shares the next one, which
 * begins after all have asked who wait for it.
 */
function createFlights(now: () => number) {
  const flights = new Map<string, Flight>();
  function fly(name: string, work: () => Promise<Kept>): Promise<Kept> {
    const flight: Flight = { began: now(), answer: work(), next: undefined };
    flights.set(name, flight);
    const land = (): void => void (flight.next === undefined && flights.delete(name));
    flight.answer.then(land, land);
    return flight.answer;
  }
  /** @param make is given the one before, if it has just been made */
  return (name: string, asked: number, make: (last: Kept | undefined) => Promise<Kept>): Promise<Kept> => {
    const running = flights.get(name);
    if (running === undefined) return fly(name, () => make(undefined));
    if (running.began > asked) return running.answer;
    running.next ??= running.answer.catch(() => undefined).then((last) => fly(name, () => make(last)));
    return running.next;
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
  return async (route: RouteName, { caller, url }: { caller: Caller; url: string }, make: Make): Promise<JsonText> => {
    const { body, etag } = await answers.serve({ ...questionOf(caller, url), route }, make);
    return jsonText(body, etag);
  };
}
