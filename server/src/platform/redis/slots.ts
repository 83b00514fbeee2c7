import slotOf from "cluster-key-slot";

/** How many slots the keys of a cluster are spread over. */
export const slotCount = 16_384;

/** Commands of ours that name no key. */
const keyless: ReadonlySet<string> = new Set(["PING", "INFO", "PUBLISH"]);

/** The slot of the first key of a command, which decides which server gets it; undefined: it names no key. */
export function slotOfCommand(command: string, args: readonly (string | number | Buffer)[]): number | undefined {
  const [key] = args;
  if (key === undefined || keyless.has(command)) return undefined;
  return slotOf(typeof key === "number" ? String(key) : key);
}

/** The slot of a script's keys; undefined: it has none. @throws Error when they lie in several, which is a mistake in our code */
export function slotOfScript(name: string, keys: readonly string[]): number | undefined {
  const slots = new Set(keys.map(slotOf));
  if (slots.size > 1)
    throw new Error(`script ${name}: its ${keys.length} keys lie in ${slots.size} slots of the cluster`);
  return [...slots][0];
}
