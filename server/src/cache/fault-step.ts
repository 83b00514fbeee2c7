import { type CacheStep, cacheSteps } from "./steps.ts";

/**
 * For verification: ends the process with SIGKILL at a named step, as a crash would.
 * @param setting `<step>:<probability>`; empty: never
 */
export function faultStep(setting: string): ((name: CacheStep) => undefined) | undefined {
  const fault = readFault(setting);
  if (fault === undefined) return undefined;
  return (name) => {
    if (name === fault.step && Math.random() < fault.probability) process.kill(process.pid, "SIGKILL");
    return undefined;
  };
}

/** undefined: there is no such step, or that is no probability. */
export function readFault(setting: string): { step: CacheStep; probability: number } | undefined {
  const [, name, digits] = /^([a-z-]+):(0|1|0?\.\d{1,6})$/.exec(setting) ?? [];
  const step = cacheSteps.find((one) => one === name);
  return step === undefined ? undefined : { step, probability: Number(digits) };
}
