import { createFindings, type CheckResult } from "./check.ts";

/** What one device that follows by cursor was told, in that order. */
export interface Told {
  readonly device: string;
  readonly messages: readonly { readonly object: string; readonly seq: number }[];
}

/** What there was to tell a device: object → places of messages that it had to be told, and of those that it may have been told. */
export interface ToTell {
  readonly must: ReadonlyMap<string, readonly number[]>;
  readonly may: ReadonlyMap<string, ReadonlySet<number>>;
}

/** (f) A device that follows by cursor is told every message once and in order. A deleted one it may be told, or not. */
export function checkGapless(devices: readonly (Told & { toTell: ToTell })[]): CheckResult {
  const findings = createFindings();
  let checked = 0;
  for (const { device, messages, toTell } of devices) {
    const at = new Map<string, number>();
    const told = new Map<string, Set<number>>();
    for (const { object, seq } of messages) {
      checked += 1;
      const before = at.get(object) ?? 0;
      const known = told.get(object) ?? new Set();
      told.set(object, known.add(seq));
      if (seq === before) findings.add(() => `${device} was told message ${seq} of ${object} twice`);
      else if (seq < before) findings.add(() => `${device} was told message ${seq} of ${object} after ${before}`);
      at.set(object, Math.max(before, seq));
      const isKnown = toTell.may.get(object)?.has(seq) === true;
      if (!isKnown) findings.add(() => `${device} was told message ${seq} of ${object}, which is not there for it`);
    }
    for (const [object, places] of toTell.must) {
      const missing = places.filter((seq) => told.get(object)?.has(seq) !== true);
      if (missing.length === 0) continue;
      findings.add(() => `${device} was never told ${missing.length} messages of ${object}, such as ${missing[0]}`);
    }
  }
  return {
    name: "(f) gapless",
    checked,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: { devices: devices.length },
  };
}
