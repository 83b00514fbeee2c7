/** Small things that are read before anything is drawn, or written at every key; without localStorage they last as long as the page. */
const prefix = "om.";
const held = new Map<string, string>();

export function readLocal(key: string): string | undefined {
  try {
    return localStorage.getItem(prefix + key) ?? undefined;
  } catch {
    return held.get(key);
  }
}

/** undefined forgets it. */
export function writeLocal(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(prefix + key);
    else localStorage.setItem(prefix + key, value);
  } catch {
    if (value === undefined) held.delete(key);
    else held.set(key, value);
  }
}

/** Everything of the kind `<kind>.<name>`, by name. */
export function readLocalAll(kind: string): Map<string, string> {
  const found = new Map<string, string>();
  const start = `${prefix}${kind}.`;
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith(start)) found.set(key.slice(start.length), localStorage.getItem(key) ?? "");
  } catch {
    for (const [key, value] of held) if (key.startsWith(`${kind}.`)) found.set(key.slice(kind.length + 1), value);
  }
  return found;
}

/** Calls back when another tab wrote something of this kind. */
export function onLocalChange(kind: string, changed: (name: string, value: string | undefined) => void): void {
  const start = `${prefix}${kind}.`;
  addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(start)) changed(key.slice(start.length), newValue ?? undefined);
  });
}

export function forgetLocal(kind: string): void {
  for (const name of readLocalAll(kind).keys()) writeLocal(`${kind}.${name}`, undefined);
}
