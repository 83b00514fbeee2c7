import { within } from "../platform/within.ts";

/** Each resolves when that is usable. */
export type Checks = Record<string, () => Promise<void>>;

/** What the server needs to serve, and `optional`: what it can do without, if not everything. */
export interface Dependencies {
  required: Checks;
  optional: Checks;
}

export type State = "ok" | "unavailable";

/** How long a dependency may take to say that it is usable, in ms. */
const checkTimeoutMs = 1_000;

/** Asks all of them, side by side. */
export async function statesOf(checks: Checks): Promise<Record<string, State>> {
  const states = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await stateOf(check)] as const),
  );
  return Object.fromEntries(states);
}

async function stateOf(check: () => Promise<void>): Promise<State> {
  const state = async (): Promise<State> => {
    try {
      await check();
      return "ok";
    } catch {
      return "unavailable";
    }
  };
  return (await within(checkTimeoutMs, state())) ?? "unavailable";
}
