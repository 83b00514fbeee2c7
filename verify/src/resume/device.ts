import { connect, createApi, memoryState, memoryTokens, type OmConnection } from "@om/client";
import { Known } from "./known.ts";
import type { Person } from "./person.ts";

/** What a device has kept: how far it has followed, and what its app knows. */
interface Kept {
  state: ReturnType<ReturnType<typeof memoryState>["load"]>;
  known: Known;
}

/** A device that comes and goes, with an app that remembers what it was told and asks for nothing that it should be told. */
export class Device {
  readonly #url: string;
  readonly #person: Person;
  readonly #older: Kept[] = [];
  #kept: Kept;
  #connection: OmConnection | undefined;

  constructor(url: string, person: Person) {
    this.#url = url;
    this.#person = person;
    this.#kept = { state: undefined, known: new Known(person) };
  }

  get known(): Known {
    return this.#kept.known;
  }

  /**
   * Connects; what it missed comes.
   * @param onAnswer is waited for between an answer of the server's and its arrival here
   */
  open(onAnswer?: (path: string) => Promise<unknown>): OmConnection {
    const { tokens } = this.#person;
    const { known } = this.#kept;
    const state = memoryState(this.#kept.state);
    const connection = connect({
      api: createApi({
        baseUrl: this.#url,
        tokens: memoryTokens(tokens.load()),
        async fetch(input, init) {
          const answer = await fetch(input, init);
          await onAnswer?.(new URL(input instanceof Request ? input.url : input).pathname);
          return answer;
        },
      }),
      baseUrl: this.#url,
      selfId: this.#person.id,
      catchUp: "all",
      state: {
        load: state.load,
        save: (next) => {
          this.#kept.state = structuredClone(next);
        },
      },
      timing: { firstDelay: 1, maxDelay: 20, receipt: 1, rereadPause: 1, reorder: 5, save: 1 },
    });
    known.follow(connection);
    this.#connection = connection;
    return connection;
  }

  async close(): Promise<void> {
    await this.#connection?.close();
    await this.#kept.known.settled();
    this.#connection = undefined;
    this.#older.push({ state: structuredClone(this.#kept.state), known: this.#kept.known.copy() });
    if (this.#older.length > 8) this.#older.shift();
  }

  /** The device is put back to what it was some comings earlier, as one that was switched off since. */
  forget(comings: number): void {
    const kept = this.#older.at(-1 - comings);
    if (kept !== undefined) this.#kept = { state: structuredClone(kept.state), known: kept.known.copy() };
  }
}
