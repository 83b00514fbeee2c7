import { createFindings, type CheckResult } from "./check.ts";

/** What one device that follows by cursor received, in that order. */
export interface Received {
  readonly device: string;
  readonly messages: readonly { readonly object: string; readonly seq: number }[];
}

/** What there was to receive: object → seqs of messages that had to arrive, and of those that may have arrived. */
export interface ToReceive {
  readonly must: ReadonlyMap<string, readonly number[]>;
  readonly may: ReadonlyMap<string, ReadonlySet<number>>;
}

/** (f) A device that follows by cursor receives every message once and in order. A deleted one it may receive, or not. */
export function checkGapless(devices: readonly (Received & { toReceive: ToReceive })[]): CheckResult {
  const findings = createFindings();
  let checked = 0;
  for (const { device, messages, toReceive } of devices) {
    const at = new Map<string, number>();
    const received = new Map<string, Set<number>>();
    for (const { object, seq } of messages) {
      checked += 1;
      const before = at.get(object) ?? 0;
      const known = received.get(object) ?? new Set();
      received.set(object, known.add(seq));
      if (seq === before) findings.add(() => `${device} received message ${seq} of ${object} twice`);
      else if (seq < before) findings.add(() => `${device} received message ${seq} of ${object} after ${before}`);
      at.set(object, Math.max(before, seq));
      const isKnown = toReceive.may.get(object)?.has(seq) === true;
      if (!isKnown) findings.add(() => `${device} received message ${seq} of ${object}, which is not there for it`);
    }
    for (const [object, seqs] of toReceive.must) {
      const missing = seqs.filter((seq) => received.get(object)?.has(seq) !== true);
      if (missing.length === 0) continue;
      findings.add(() => `${device} never received ${missing.length} messages of ${object}, such as ${missing[0]}`);
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
