import type { Recorder } from "../history/recorder.ts";
import { now } from "./clock.ts";
import { createHttp, NoAnswer, type Answer, type Call, type Http } from "./http.ts";
import { openClientSocket, type ClientSocket } from "./client-socket.ts";
import type { ChangeEvents } from "./change-events.ts";
import { password, type Direct, type Group, type People, type Person } from "./people.ts";
import { createRandom, seedFor, type Random } from "./random.ts";

/** A person at one node: reads and writes there, one thing after another. */
export interface Session {
  readonly id: number;
  readonly node: number;
  readonly person: Person;
  /**
   * The person's only session that does what answers with no version, such as reading or joining: what was done between request and
   * answer was then done by this request.
   */
  readonly isOwner: boolean;
  readonly directs: readonly Direct[];
  readonly groups: readonly Group[];
  readonly isHopper: boolean;
  readonly isCalm: boolean;
  /** Those who come and go. */
  readonly comers: ReadonlySet<number>;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly changeEvents: ChangeEvents;
  readonly line: ClientSocket;
  /** Own messages that may be edited or deleted; the newest last. */
  readonly sent: { object: string; id: number; content: string }[];
  /** Object → the newest message of somebody else that this session was shown. */
  readonly lastSeen: Map<string, number>;
  count: number;
  /** Calls and notes what became of it; undefined: no answer, or an error. */
  ask(kind: string, call: Omit<Call, "token">): Promise<Answer | undefined>;
  close(): void;
}

export interface SessionOptions {
  id: number;
  node: number;
  person: Person;
  people: People;
  seed: number;
  recorder: Recorder;
  changeEvents: ChangeEvents;
  base: () => string;
}

/** How long a call may take; what takes longer is given up, and its outcome is unknown. */
const callTimeoutMs = 6_000;

export function openSession(options: SessionOptions): Session {
  const { id, node, person, people, recorder, changeEvents, base } = options;
  const http = createHttp(base, callTimeoutMs);
  const isOwner = id < people.writers.length + people.calm.length;
  const isCalm = people.calm.includes(person);
  const isHopper = people.hoppers.includes(person);
  const line = openClientSocket({
    base,
    token: () => person.token,
    isAway: isCalm,
    onVersion: (name, ver, at) => recorder.seen(objectNamed(name, person.id), ver, at),
  });
  return {
    id,
    node,
    person,
    isOwner,
    directs: people.directs.filter(({ people: both }) => both.includes(person)),
    groups: isHopper ? people.groups : people.groups.filter(({ members }) => members.includes(person)),
    isHopper,
    isCalm,
    comers: new Set(people.calm.map(({ id: comer }) => comer)),
    random: createRandom(seedFor(options.seed, `session ${id}`)),
    recorder,
    changeEvents,
    line,
    sent: [],
    lastSeen: new Map(),
    count: 0,
    ask: (kind, call) => ask(http, { kind, call, person, recorder }),
    close() {
      http.close();
      line.close();
    },
  };
}

async function ask(
  http: Http,
  { kind, call, person, recorder }: { kind: string; call: Omit<Call, "token">; person: Person; recorder: Recorder },
): Promise<Answer | undefined> {
  try {
    let answer = await http.call({ ...call, token: person.token });
    if (answer.status === 401) {
      await logIn(http, person);
      answer = await http.call({ ...call, token: person.token });
    }
    recorder.answered(kind, answer.t0, answer.t1);
    if (answer.status >= 200 && answer.status < 300) return answer;
    const { code = "" } = (answer.body ?? {}) as { code?: string };
    if (code === "not_group_member") return answer;
    recorder.trouble(kind, `${answer.status} ${code}`.trim(), answer.t1);
    return undefined;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    recorder.trouble(kind, "no answer", now());
    return undefined;
  }
}

async function logIn(http: Http, person: Person): Promise<void> {
  const body = { email: person.email, password };
  const answer = await http.call({ method: "POST", path: "/api/auth/login", body });
  if (answer.status === 200) person.token = (answer.body as { access_token: string }).access_token;
}

/** `user_7` as somebody sees it → `conv:3:7`. */
export function objectNamed(conversationId: string, viewer: number): string {
  const [kind, digits] = conversationId.split("_");
  const other = Number(digits);
  return kind === "group" ? `group:${other}` : `conv:${Math.min(other, viewer)}:${Math.max(other, viewer)}`;
}
