import { connect, createApi, memoryTokens, type OmConnection } from "@om/client";
import type { Received } from "../checks/gapless.ts";
import type { Person } from "./people.ts";
import { objectNamed } from "./session.ts";

/** A device of somebody who only listens: it follows by cursor, over the SDK that clients use. */
export interface Follower extends AsyncDisposable {
  readonly person: Person;
  received(): Received;
  /** Resolves when the device has received the message at `seq` or a later one of each object; rejects when it takes too long. */
  caughtUp(ends: ReadonlyMap<string, number>, timeoutMs: number): Promise<void>;
}

export function openFollower(url: string, person: Person, node: number): Follower {
  const tokens = memoryTokens({ accessToken: person.token, refreshToken: "" });
  const connection: OmConnection = connect({
    api: createApi({ baseUrl: url, tokens }),
    baseUrl: url,
    selfId: person.id,
    catchUp: "all",
    // A push that is lost with nothing after it shows at the next look.
    timing: { firstDelay: 50, maxDelay: 400, rereadEvery: 2_000 },
  });
  const messages: { object: string; seq: number }[] = [];
  const ends = new Map<string, number>();
  let look = (): void => undefined;
  const place = (conversationId: string, seq: number): void => {
    const object = objectNamed(conversationId, person.id);
    ends.set(object, Math.max(seq, ends.get(object) ?? 0));
    look();
  };
  connection.on("message", ({ conversation_id: name, seq }) => {
    messages.push({ object: objectNamed(name, person.id), seq });
    place(name, seq);
  });
  return {
    person,
    received: () => ({ device: `the device of ${person.name} on node ${node}`, messages }),
    caughtUp: (wanted, timeoutMs) =>
      new Promise((resolve, reject) => {
        const behind = (): string[] =>
          [...wanted].filter(([object, seq]) => (ends.get(object) ?? 0) < seq).map(([object]) => object);
        const timer = setTimeout(() => {
          reject(new Error(`${person.name} did not catch up with ${behind().join(", ")}`));
        }, timeoutMs);
        look = () => {
          if (behind().length > 0) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      }),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}
