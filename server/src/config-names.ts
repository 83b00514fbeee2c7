/** Names that other programs have for what is meant. */
const elsewhere: [RegExp, string][] = [
  [/^(DB|DATABASE|POSTGRES(QL)?|PG)_?(URL|URI|DSN)$/, "DATABASE_URL"],
  [/^(REDIS|VALKEY)_(HOST|SERVER|URI)$/, "REDIS_URL"],
];

/** What Kubernetes and Docker set for services that bear such names. */
const ofServices = /_SERVICE_|_(TCP|UDP)(_|$)/;

/** The setting that a variable nearly names; undefined: it is one of `names`, or something else altogether. */
export function meantSetting(variable: string, names: readonly string[]): string | undefined {
  if (names.includes(variable) || ofServices.test(variable)) return undefined;
  const foreign = elsewhere.find(([pattern]) => pattern.test(variable))?.[1];
  if (foreign !== undefined) return foreign;
  const written = bare(variable.replace(/^OM_/i, ""));
  return names.find((name) => {
    const meant = bare(name);
    // Short names are near to many others.
    const allowed = meant.length < 5 ? 0 : meant.length < 8 ? 1 : 2;
    return distance(written, meant) <= allowed || goesOn(variable, name) || goesOn(name, variable);
  });
}

const bare = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");

/** `DB_PASSWORD` goes on where `DB_PASS` ends, and `JWT_SECRET_KEY` where `JWT_SECRET` does. */
function goesOn(longer: string, shorter: string): boolean {
  return /^[A-Z0-9]+_[A-Z0-9_]{3,}$/.test(shorter) && longer.startsWith(shorter);
}

/** Letters that are wrong, missing, too many, or changed places with their neighbour. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  const rows = [Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (back: number, left: number): number => rows[i - back]?.[j - left] ?? 0;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(2, 2) + 1 : Infinity;
      row[j] = Math.min(at(1, 0) + 1, (row[j - 1] ?? 0) + 1, at(1, 1) + Number(a[i - 1] !== b[j - 1]), swapped);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
